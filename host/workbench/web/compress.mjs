// Puts a .br and a .gz beside every file of a directory: `node compress.mjs DIRECTORY`.
import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'

for (const name of readdirSync(process.argv[2], { recursive: true })) {
  const file = join(process.argv[2], name)
  if (!statSync(file).isFile() || /\.(br|gz)$/.test(name)) continue
  const content = readFileSync(file)
  writeFileSync(`${file}.br`, brotliCompressSync(content, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: content.length } }))
  writeFileSync(`${file}.gz`, gzipSync(content, { level: 9 }))
}
