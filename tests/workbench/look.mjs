// Shows the page that each line of its input names, none for an empty line, and says when it does. For benchmarks.
//
// node look.mjs URL TOKEN

import { createInterface } from 'node:readline'

import { run } from './harness.mjs'
import { settled } from './pages.mjs'

await run(async ({ page, open }) => {
  await page.addInitScript((token) => location.protocol === 'about:' || sessionStorage.setItem('motia.token', token), process.argv[3])
  for await (const path of createInterface({ input: process.stdin })) {
    if (path) {
      await open(path)
      await settled(page)
    } else {
      await page.goto('about:blank')
    }
    console.log(`shows ${path}`.trim())
  }
})
