import type { Json, Step, StepDetail } from '../../api/types.ts'
import { exampleOf } from '../../schema.ts'

/** A name and a value that are sent if they are on. */
export interface Row {
  name: string
  value: string
  on: boolean
}

export type BodyMode = 'form' | 'json' | 'text'

/** A request as it is being written. */
export interface Draft {
  pathParams: Record<string, string>
  query: Row[]
  headers: Row[]
  bodyMode: BodyMode
  body: string
}

/** A parameter of a path: `:name`, `:name(\d+)`, `:name?`, `:name*`, or `*`, whose name is its number. */
export interface PathParam {
  name: string
  optional: boolean
  /** May hold slashes. */
  rest: boolean
}

const PARAM = /:(\w+)(?:\([^)]*\))?([?*+])?|\*/g

export function pathParamsOf(path: string): PathParam[] {
  let unnamed = 0
  return [...path.matchAll(PARAM)].map(([, name, sign]) => {
    const isOptional = sign === '?' || sign === '*' || name === undefined
    return { name: name ?? String(unnamed++), optional: isOptional, rest: sign === '*' || sign === '+' || name === undefined }
  })
}

/** The path with its parameters filled in; one that needs a value and has none stays as it is. */
function filled(path: string, values: Record<string, string>): string {
  const params = pathParamsOf(path)
  let at = 0
  const text = path.replace(PARAM, () => {
    const param = params[at++]
    const value = values[param?.name ?? ''] ?? ''
    if (param && !value && !param.optional) return `:${param.name}`
    return param?.rest ? value.split('/').map(encodeURIComponent).join('/') : encodeURIComponent(value)
  })
  // Where an optional part is left out, so is its slash.
  return text.replace(/(?<=.)\/+$/, '')
}

/** Whether requests of the method have a body that anybody reads. */
export function takesBody(method: string): boolean {
  return !['GET', 'HEAD'].includes(method)
}

/** What a step is first sent: an example of its schema. */
export function firstDraft(step: StepDetail): Draft {
  const withBody = takesBody(step.method ?? 'GET')
  return {
    pathParams: Object.fromEntries(pathParamsOf(step.path ?? '').map(({ name }) => [name, ''])),
    query: step.queryParams.map(({ name }) => ({ name, value: '', on: false })),
    headers: [],
    bodyMode: step.bodySchema ? 'form' : 'json',
    body: withBody && step.bodySchema ? JSON.stringify(exampleOf(step.bodySchema), null, 2) : '',
  }
}

/** A draft that was kept, for a step that may have changed since. */
export function fitted(draft: Draft, step: StepDetail): Draft {
  const declared = step.queryParams.filter(({ name }) => !draft.query.some((row) => row.name === name))
  const params = pathParamsOf(step.path ?? '')
  return {
    ...draft,
    pathParams: Object.fromEntries(params.map(({ name }) => [name, draft.pathParams[name] ?? ''])),
    query: [...draft.query, ...declared.map(({ name }) => ({ name, value: '', on: false }))],
    bodyMode: draft.bodyMode === 'form' && !step.bodySchema ? 'json' : draft.bodyMode,
  }
}

/** The path parameters that have no value yet. */
export function missingParams(step: Step, draft: Draft): string[] {
  return pathParamsOf(step.path ?? '').flatMap(({ name, optional }) => (optional || draft.pathParams[name] ? [] : [name]))
}

export function urlOf(base: URL, step: Step, draft: Draft): URL {
  const url = new URL(base)
  url.pathname = base.pathname.replace(/\/$/, '') + filled(step.path ?? '/', draft.pathParams)
  for (const { name, value } of sent(draft.query)) url.searchParams.append(name, value)
  return url
}

/** The headers that are sent; a body that is JSON says so unless somebody says otherwise. */
export function headersOf(step: Step, draft: Draft): [string, string][] {
  const headers = sent(draft.headers).map(({ name, value }): [string, string] => [name, value])
  const isNamed = headers.some(([name]) => name.toLowerCase() === 'content-type')
  if (!isNamed && hasBody(step, draft)) headers.push(['content-type', draft.bodyMode === 'text' ? 'text/plain' : 'application/json'])
  return headers
}

export function hasBody(step: Step, draft: Draft): boolean {
  return takesBody(step.method ?? 'GET') && draft.body !== ''
}

function sent(rows: Row[]): Row[] {
  return rows.filter(({ name, on }) => on && name.trim() !== '')
}

/** The body as a value; undefined if it is no JSON. */
export function parsedBody(text: string): Json | undefined {
  if (text.trim() === '') return undefined
  try {
    return JSON.parse(text) as Json
  } catch {
    return undefined
  }
}

/** The request as a command line for a POSIX shell. */
export function curlOf(base: URL, step: Step, draft: Draft): string {
  const parts = [`curl ${quoted(urlOf(base, step, draft).href)}`]
  if (step.method !== 'GET') parts.push(`-X ${step.method}`)
  for (const [name, value] of headersOf(step, draft)) parts.push(`-H ${quoted(`${name}: ${value}`)}`)
  if (hasBody(step, draft)) parts.push(`--data-raw ${quoted(draft.body)}`)
  return parts.join(' \\\n  ')
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}

/** Names the item of a stream that a body stands for. */
export interface StreamMarker {
  streamName: string
  groupId: string
  id: string
}

/** The stream items that a response carries: itself, or what is in its array. */
export function markersOf(body: Json | undefined): StreamMarker[] {
  const values = Array.isArray(body) ? body : [body]
  return values.flatMap((value) => {
    const marker = typeof value === 'object' && value !== null && !Array.isArray(value) ? value.__motia : undefined
    if (typeof marker !== 'object' || marker === null || Array.isArray(marker) || marker.type !== 'state-stream') return []
    const { streamName, groupId, id } = marker
    return typeof streamName === 'string' && typeof groupId === 'string' && typeof id === 'string' ? [{ streamName, groupId, id }] : []
  })
}
