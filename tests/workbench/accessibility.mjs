// axe finds nothing serious on any page, in light and in dark.

import axe from 'axe-core'

import { assert, run } from './harness.mjs'
import { HANDLED, pages, settled } from './pages.mjs'

const paths = await pages()
const found = []
for (const colorScheme of ['light', 'dark']) {
  await run(
    async ({ page, open }) => {
      for (const path of paths) {
        await open(path)
        await settled(page)
        await page.evaluate(axe.source)
        // A frame is a plugin's own.
        const { violations } = await page.evaluate(() => axe.run(document, { resultTypes: ['violations'], iframes: false }))
        for (const { id, impact, help, nodes } of violations) {
          if (!['serious', 'critical'].includes(impact)) continue
          const where = nodes.slice(0, 3).map(({ html, failureSummary }) => `    ${html.slice(0, 200)}\n      ${failureSummary.replace(/\s+/g, ' ')}`)
          found.push(`${colorScheme} ${path}: ${id}, ${help} (${nodes.length})\n${where.join('\n')}`)
        }
      }
    },
    { colorScheme, reducedMotion: 'reduce', allowed: [HANDLED] },
  )
}
assert(found.length === 0, `\n${found.join('\n')}`)
