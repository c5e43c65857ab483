// Query: an example runs, a query of one's own does, and nothing can be changed.

import { api, assert, order, run, runOf, write } from './harness.mjs'

await run(
  async ({ page, open }) => {
    const { traceId } = await order()
    await runOf(traceId, 'CreateOrder')
    await open('/query')
    const editor = page.getByRole('textbox', { name: 'SQL' })
    const rows = page.getByRole('strong').filter({ hasText: /^[\d,]+ rows?$/ })
    const go = page.getByRole('button', { name: 'Run', exact: true })
    const { examples } = await api('GET', 'query/schema')
    assert(examples.length > 0)
    for (const { title } of examples) {
      await page.getByLabel('Examples').selectOption({ label: title })
      const answered = page.waitForResponse((response) => response.url().endsWith('/api/query'))
      await go.click()
      assert.equal((await answered).status(), 200, title)
      await rows.waitFor()
    }

    await write(editor, `SELECT step, status FROM runs WHERE trace_id = '${traceId}' AND step = 'CreateOrder'`)
    await editor.press('ControlOrMeta+Enter')
    const row = page.getByRole('grid', { name: 'Rows' }).getByRole('row').filter({ hasText: 'CreateOrder' })
    await row.filter({ hasText: 'succeeded' }).waitFor()
    await page.waitForURL(/sql=/)

    // The browser's way back is the way to the query before.
    await write(editor, 'SELECT 7 AS seven')
    await editor.press('ControlOrMeta+Enter')
    await page.getByRole('columnheader', { name: 'seven' }).waitFor()
    await page.goBack()
    await row.filter({ hasText: 'succeeded' }).waitFor()

    for (const sql of ['DROP TABLE runs', "UPDATE state SET value = '1'"]) {
      await write(editor, sql)
      await editor.press('ControlOrMeta+Enter')
      await page.getByRole('alert').filter({ hasText: 'invalid_query' }).filter({ hasText: 'only reads' }).waitFor()
    }
    await runOf(traceId, 'CreateOrder')
  },
  { allowed: [/status of 400 .*\/query/] },
)
