// Makes a component with componentize-js, as its own command would. Arguments: SOURCE WIT_DIR OUT

import { writeFile } from 'node:fs/promises'
import { componentize } from '@bytecodealliance/componentize-js'

const [sourcePath, witPath, out] = process.argv.slice(1)
const options = { sourcePath, witPath, worldName: 'step', disableFeatures: ['fetch-event'] }
const { component } = await componentize(options)
await writeFile(out, component)
