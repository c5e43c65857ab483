/** What the HTTP API under `/__motia/api/` answers; times are milliseconds since 1970, ids are strings. */

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json }
export type JsonObject = { [key: string]: Json }

/** A page of a list; `next` goes into `before` or `after` of the next request. */
export interface List<T> {
  items: T[]
  next: string | number | null
}

export type Role = 'admin' | 'viewer'

export interface BuildError {
  file: string | null
  line: number | null
  column: number | null
  excerpt: string | null
  message: string
}

export interface Build {
  state: 'building' | 'good' | 'broken'
  ms: number | null
  rebuilt: string[]
  errors: BuildError[]
}

export interface Project {
  name: string
  version: string
  mode: 'dev' | 'serve'
  tenant: string
  deployment: string
  role: Role
  startedAt: number
  build: Build | null
  versions: { deployment: string; serving: boolean }[]
}

export type StepKind = 'api' | 'event' | 'cron' | 'state' | 'stream' | 'noop'
export type Language = 'typescript' | 'javascript' | 'python' | 'rust'

export interface Emit {
  topic: string
  label: string | null
  conditional: boolean
}

export interface Watches {
  groupId?: string | null
  key?: string | null
  streamName?: string | null
  itemId?: string | null
}

export interface Step {
  name: string
  kind: StepKind
  description: string | null
  flows: string[]
  file: string
  language: Language
  emits: Emit[]
  virtualEmits: Emit[]
  subscribes: string[]
  virtualSubscribes: string[]
  atomic: boolean
  method?: string
  path?: string
  cron?: string
  timezone?: string | null
  watches?: Watches
}

/** The parts of JSON Schema that forms and examples are made of. */
export interface JsonSchema {
  type?: string | string[]
  title?: string
  description?: string
  properties?: Record<string, JsonSchema>
  required?: string[]
  items?: JsonSchema
  enum?: Json[]
  const?: Json
  default?: Json
  example?: Json
  examples?: Json[]
  format?: string
  minimum?: number
  maximum?: number
  anyOf?: JsonSchema[]
  oneOf?: JsonSchema[]
  allOf?: JsonSchema[]
  additionalProperties?: boolean | JsonSchema
  $ref?: string
  $defs?: Record<string, JsonSchema>
  definitions?: Record<string, JsonSchema>
}

export interface StepDetail extends Step {
  config: JsonObject
  bodySchema: JsonSchema | null
  responseSchema: Record<string, JsonSchema> | null
  queryParams: { name: string; description?: string | null }[]
  input: JsonSchema | null
  source: { text: string } | null
  grants: {
    environment: string[]
    outgoingHttp: 'open' | string[]
    includedFiles: string[]
    limits: Record<string, Json>
  }
}

export interface Position {
  x: number
  y: number
  sourceHandlePosition?: 'bottom' | 'right'
  targetHandlePosition?: 'top' | 'left'
}

export interface FlowEdge {
  source: string
  target: string
  topic: string
  kind: 'event' | 'virtual'
  label: string | null
  conditional: boolean
}

export interface Flow {
  name: string
  steps: string[]
  edges: FlowEdge[]
  positions: Record<string, Position>
}

export interface QueueCounts {
  ready: number
  delayed: number
  parked: number
  leased: number
  dead: number
  oldestDueAt: number | null
}

export interface StepFigures {
  running: number
  succeeded: number
  failed: number
  cancelled: number
  lastRunAt: number | null
  p50Ms: number | null
  p99Ms: number | null
  queue: QueueCounts | null
  paused: boolean
}

export interface Figures {
  at: number
  steps: Record<string, StepFigures>
  process: {
    rssBytes: number
    cpuSeconds: number
    uptimeMs: number
    liveConnections: number
    liveSubscriptions: number
  }
  store: { commits: number; checkpoints: number; syncs: number }
}

export type RunKind = 'api' | 'event' | 'batch' | 'cron' | 'state' | 'stream'
export type RunStatus = 'succeeded' | 'failed' | 'cancelled'

export interface AttemptError {
  attempt: number
  code: string
  message: string
  stack?: string | null
  failedAt: number
}

export interface Run {
  id: string
  tenant: string
  step: string
  kind: RunKind
  invocationId: string
  traceId: string
  parent: string | null
  delivery: string | null
  eventId: string | null
  attempt: number
  status: RunStatus
  error: AttemptError | null
  deployment: string
  responseStatus: number | null
  queuedAt: number
  startedAt: number
  endedAt: number
  cpuUs: number | null
  replayOf: string | null
  spans: number
}

export interface RunDetail extends Run {
  input: Json
  output: Json
}

export interface RunningInfo {
  id: string
  step: string
  traceId: string
  deliveries: string[]
  attempt: number
  startedAt: number
  kind: RunKind
  parent: string | null
}

export interface Span {
  index: number
  name: string
  startUs: number
  durationUs: number
  error: string | null
  detail: JsonObject | null
}

export interface TraceSpan extends Span {
  run: string
}

export interface Trace {
  traceId: string
  w3cTraceId: string
  status: 'running' | 'failed' | 'succeeded'
  startedAt: number
  endedAt: number | null
  runs: Run[]
  running: RunningInfo[]
  waiting: Delivery[]
}

/** What came of a replay. */
export interface Replayed {
  run: string
  traceId: string
  deployment: string
  status: number | null
  body: string | null
  error: string | null
}

export interface BulkReplayed {
  replayed: number
  failures: { id: string; code: string; message: string }[]
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

export interface Log {
  id: string
  at: number
  level: LogLevel
  step: string
  run: string
  traceId: string
  message: string
  args: Json
}

export interface Pause {
  reason: string
  since: number
  poison?: string | null
}

export interface Rate {
  limit: number
  periodSeconds: number
  burst?: number | null
}

/** What was changed at run time; what is missing is as the step's config says. */
export interface QueueSettings {
  paused?: Pause
  concurrency?: number | null
  maxRetries?: number | null
  keyConcurrency?: number | null
  throttle?: Rate | null
  rateLimit?: Rate | null
  batchSize?: number | null
}

export interface Queue extends QueueCounts {
  step: string
  inFlight: number
  concurrency: number | null
  paused: Pause | null
  settings: QueueSettings
}

export type DeliveryState = 'ready' | 'scheduled' | 'retrying' | 'throttled' | 'parked' | 'leased'

export interface Delivery {
  id: string
  eventId: string
  step: string
  kind: string
  topic: string
  data: Json
  traceId: string
  state: DeliveryState
  dueAt: number
  attempt: number
  priority: number
  lane: string | null
  behind: string | null
  lastError: AttemptError | null
  emittedAt: number
  reason: string
  why: string
}

export interface DeadLetter {
  id: string
  eventId: string
  tenant: string
  step: string
  kind: string
  topic: string
  data: Json
  headers: Json
  traceId: string
  messageGroupId: string | null
  blocks: string | null
  errors: AttemptError[]
  emittedAt: number
  diedAt: number
}

export interface Redrive {
  id: string
  tenant: string
  filter: JsonObject
  perSecond: number
  moved: number
  createdAt: number
}

export interface Cron {
  step: string
  cron: string
  timezone: string | null
  lastTick: number | null
  nextTicks: number[]
}

export interface StateGroup {
  groupId: string
  keys: number
  bytes: number
  updatedAt: number
}

export interface StateEntry {
  groupId: string
  key: string
  value: Json
  bytes: number
  updatedAt: number
  truncated: boolean
}

export interface StreamInfo {
  name: string
  file: string
  schema: JsonSchema | null
  hooks: string[]
  groups: number
  subscribers: number
}

export interface StreamGroup {
  groupId: string
  items: number
  offset: number
  updatedAt: number
  subscribers: number
}

export interface StreamItem {
  id: string
  data: Json
  offset: number
  updatedAt: number
}

/** A frame of the stream protocol, as `streams/NAME/GROUP/live` sends it. */
export interface StreamFrame {
  timestamp: number
  streamName: string
  groupId: string
  id?: string
  offset?: number
  event:
    | { type: 'sync'; data: Json }
    | { type: 'create' | 'update' | 'delete'; data: Json }
    | { type: 'event'; event: { type: string; data: Json } }
}

export interface QueryAnswer {
  columns: string[]
  rows: Json[][]
  truncated: boolean
  ms: number
}

export interface QuerySchema {
  tables: { name: string; columns: { name: string; type: string }[]; description: string }[]
  examples: { title: string; sql: string }[]
}

export interface AuditEntry {
  id: string
  at: number
  actor: string
  action: string
  subject: string
  detail: Json
}

export interface Plugin {
  name: string
  title: string
  icon: string | null
  entry: string
}
