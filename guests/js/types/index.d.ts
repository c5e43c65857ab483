// The types of the module `motia`.
//
// The build writes a project's `types.d.ts`, which extends `FlowContextStateStreams` and `Handlers`
// with the project's own streams and steps.

/** A topic to which a step emits. `label` and `conditional` only style the flow's edge. */
export type Emit = string | { topic: string; label?: string; conditional?: boolean }

/** A schema: of zod, of any library that offers JSON Schema, or a JSON Schema. */
export type Schema = object

/** What a schema's values look like; `any` for a JSON Schema. */
export type SchemaOutput<T> = T extends { _output: infer O } ? O : T extends { '~standard': { types?: infer S } } ? NonNullable<S> extends { output: infer O } ? O : any : any

interface CommonConfig {
  /** The step's name, unique in the project. */
  name: string
  description?: string
  /** The flows in whose graphs the step is drawn. */
  flows?: string[]
  /** Drawn, never delivered. */
  virtualEmits?: Emit[]
  /** Drawn, never delivered. */
  virtualSubscribes?: string[]
  /** Files, relative to the step, that belong to it at run time. */
  includeFiles?: string[]
}

/** A path into the event's data, for example `customer.id` or `items[0].sku` (RFC 9535, where a leading `$.` may be left out). */
export type DataPath = string

/** How long a failed event waits before the next attempt. */
export interface BackoffConfig {
  /** `exponential` if absent: the wait doubles. */
  type?: 'exponential' | 'linear' | 'fixed'
  /** The first wait in seconds, 1 if absent. */
  delaySeconds?: number
  /** The longest wait in seconds, 3600 if absent. */
  maxDelaySeconds?: number
  /** The share of each wait that is random, 0 to 1; 0.2 if absent. */
  jitter?: number
}

export interface QueueConfig {
  /** `fifo`: strict order within one `messageGroupId`. */
  type?: 'fifo' | 'standard'
  /** When the last attempt has failed, what is ordered behind it goes on, or waits until the dead letter is redriven or discarded. */
  onFailure?: 'skip' | 'block'
  /** Attempts after the first, 0 to 1000. */
  maxRetries?: number
  /** How long an attempt may take, in seconds. */
  visibilityTimeout?: number
  /** How long an event waits before its first attempt, in seconds. */
  delaySeconds?: number
  /** How many events are handled at a time. */
  concurrency?: number
  backoff?: BackoffConfig
  /** At most `limit` events with the same value at the path are handled at a time, 1 if absent. */
  keyConcurrency?: { key: DataPath; limit?: number }
  /** Events with a higher number go first: one of -100 to 100, or the number at the path. */
  priority?: number | { key: DataPath }
  /** Events beyond `limit` in a period are dropped. */
  rateLimit?: { limit: number; periodSeconds: number; key?: DataPath }
  /** Events beyond `limit` in a period wait; so many as `burst` may come at once. */
  throttle?: { limit: number; periodSeconds: number; burst?: number; key?: DataPath }
  /** Only the last event is delivered of those that follow each other within the period. */
  debounce?: { periodSeconds: number; maxWaitSeconds?: number; key?: DataPath }
  /** The handler is given a list: of `size` events, or of those that came within the timeout. */
  batch?: { size: number; timeoutSeconds?: number; key?: DataPath }
  /** An event whose first attempt has not begun after so many seconds is a dead letter. */
  startTimeout?: number
  /** An event that is not done after so many seconds is not attempted again. */
  finishTimeout?: number
}

export interface HandlerConfig {
  /** Megabytes of memory. */
  ram?: number
  cpu?: number
  /** How long a call may take, in seconds. */
  timeout?: number
}

export interface InfrastructureConfig {
  handler?: HandlerConfig
  queue?: QueueConfig
}

/** Of a state or stream step, which handles the changes of one key in their order. */
export interface ChangeInfrastructureConfig {
  handler?: HandlerConfig
  queue?: Omit<QueueConfig, 'keyConcurrency' | 'debounce' | 'batch' | 'priority'> & { priority?: number }
}

interface RunConfig extends CommonConfig {
  /** The topics to which the step may emit; none or an empty list allows any. */
  emits?: Emit[]
  /** Writes and emits are held back and take effect together when the handler succeeds. */
  atomic?: boolean
}

export type ApiRouteMethod = 'GET' | 'POST' | 'PUT' | 'DELETE' | 'PATCH' | 'OPTIONS' | 'HEAD'

export interface QueryParam {
  name: string
  description?: string
}

export interface ApiRouteConfig extends RunConfig {
  type: 'api'
  /** For example `/users/:id`. */
  path: string
  method: ApiRouteMethod
  bodySchema?: Schema | null
  /** By status. */
  responseSchema?: Record<number | string, Schema>
  queryParams?: QueryParam[] | readonly QueryParam[]
  /** The first one is the outermost. */
  middleware?: ApiMiddleware<any, any, any>[]
  /** `false` turns off the check of bodies against `bodySchema`. */
  validate?: boolean
}

export interface EventConfig extends RunConfig {
  type: 'event'
  subscribes: string[]
  input?: Schema | null
  /** `false` turns off the check of events against `input`. */
  validate?: boolean
  infrastructure?: Partial<InfrastructureConfig>
}

export interface CronConfig extends RunConfig {
  type: 'cron'
  /** Five fields, or six with leading seconds. */
  cron: string
  /** A name of the IANA time zone database. */
  timezone?: string
  /** What a tick does while an earlier one still runs; `allow` if absent. */
  overlap?: 'allow' | 'skip' | 'queue' | 'cancel'
  /** Which of the ticks that were missed while no server ran are made up for; `none` if absent. */
  catchup?: 'none' | 'last' | 'all'
  /** How old a missed tick may be, in seconds; 86400 if absent. */
  catchupWindowSeconds?: number
  /** Each tick is late by a random time up to so many seconds. */
  jitterSeconds?: number
}

/** Whether the handler is called for a change. */
export type Condition<TInput> = (input: TInput, ctx: FlowContext) => boolean | Promise<boolean>

/** Of a step that runs on every change of a state value. */
export interface StateConfig<TValue = any> extends RunConfig {
  type: 'state'
  /** A group, in which `*` stands for any run of characters; any group if absent. */
  groupId?: string
  /** A key, in which `*` stands for any run of characters; any key if absent. */
  key?: string
  condition?: Condition<StateTriggerInput<TValue>>
  infrastructure?: ChangeInfrastructureConfig
}

/** Of a step that runs on every change of a stream item. */
export interface StreamTriggerConfig<TItem = any> extends RunConfig {
  type: 'stream'
  streamName: string
  /** A group, in which `*` stands for any run of characters; any group if absent. */
  groupId?: string
  /** An item's id, in which `*` stands for any run of characters; any item if absent. */
  itemId?: string
  condition?: Condition<StreamTriggerInput<TItem>>
  infrastructure?: ChangeInfrastructureConfig
}

export interface NoopConfig extends CommonConfig {
  type: 'noop'
}

export type StepConfig = ApiRouteConfig | EventConfig | CronConfig | StateConfig | StreamTriggerConfig | NoopConfig

export interface ApiRequest<TBody = unknown> {
  /** Parsed: an object, text, bytes, or the fields and files of a form. */
  body: TBody
  /** Names are in lower case. */
  headers: Record<string, string | string[]>
  pathParams: Record<string, string>
  queryParams: Record<string, string | string[]>
  /** Text for JSON, forms and text, bytes otherwise. */
  rawBody: string | Uint8Array
  method: string
  path: string
  /** The files of a `multipart/form-data` body. */
  files?: UploadedFile[]
}

export interface UploadedFile {
  fieldname: string
  filename: string
  contentType: string
  data: Uint8Array
  size: number
  text(): Promise<string>
  arrayBuffer(): Promise<ArrayBuffer>
}

export type ApiResponse<TStatus extends number = number, TBody = any> = {
  status: TStatus
  body: TBody
  headers?: Record<string, string | string[]>
}

export type ApiMiddleware<TBody = unknown, TEmitData = never, TResult = unknown> = (
  req: ApiRequest<TBody>,
  ctx: FlowContext<TEmitData>,
  next: () => Promise<ApiResponse<number, TResult>>,
) => Promise<ApiResponse<number, TResult>>

/** How an event is delivered. */
export interface EmitOptions {
  /** Events of one group are delivered in order to steps whose queue is `fifo`. */
  messageGroupId?: string
  /** A name of your own: within 24 hours, another event with the same name and topic is not stored. */
  id?: string
  /** When to deliver it: a date, an ISO 8601 text (UTC without an offset) or milliseconds since 1970. */
  at?: Date | string | number
  /** How long to wait before it is delivered, in milliseconds; not together with `at`. */
  delay?: number
  /** From -100 to 100; those with a higher one are delivered first. */
  priority?: number
  /** What the event carries beside its data. */
  headers?: Record<string, string>
}

/** Emits an event; resolves to its id when the host has taken it. The union leaves `unknown` what it is. */
export type Emitter<TData> = (event: TData | (TData & EmitOptions)) => Promise<string>

/** One operation of `state.update`. The empty path is the whole value. */
export type UpdateOp =
  | { type: 'set'; path: string; value: unknown }
  | { type: 'merge'; path?: string; value: object }
  | { type: 'increment' | 'decrement'; path: string; by?: number }
  | { type: 'remove'; path: string }

export interface InternalStateManager {
  get<T>(groupId: string, key: string): Promise<T | null>
  /** Returns the value that was given. */
  set<T>(groupId: string, key: string, value: T): Promise<T>
  /** Returns the value that was deleted. */
  delete<T>(groupId: string, key: string): Promise<T | null>
  /** All values of exactly this group. */
  getGroup<T>(groupId: string): Promise<T[]>
  clear(groupId: string): Promise<void>
  /** Applies all operations or none, and returns the new value. */
  update<T>(groupId: string, key: string, ops: UpdateOp[]): Promise<T>
}

/** What the host adds to a stream item. */
export type StreamItem<TData> = TData & { id: string }

export interface StateStreamEventChannel {
  groupId: string
  id?: string
}

export interface StateStreamEvent<TData> {
  type: string
  data: TData
}

export interface MotiaStream<TData> {
  get(groupId: string, id: string): Promise<StreamItem<TData> | null>
  set(groupId: string, id: string, data: TData): Promise<StreamItem<TData>>
  delete(groupId: string, id: string): Promise<StreamItem<TData> | null>
  getGroup(groupId: string): Promise<StreamItem<TData>[]>
  /** Tells the subscribers of the group, or of one item, something that is not stored. */
  send<T>(channel: StateStreamEventChannel, event: StateStreamEvent<T>): Promise<void>
}

export interface Logger {
  info(message: string, args?: any): void
  warn(message: string, args?: any): void
  error(message: string, args?: any): void
  debug(message: string, args?: any): void
}

/** The project's streams; extended by the project's `types.d.ts`. */
export interface FlowContextStateStreams {}

export interface FlowContext<TEmitData = never> {
  emit: Emitter<TEmitData>
  /** Takes back an event that waits for its time; whether there was anything to take back. */
  cancel(eventId: string): Promise<boolean>
  /** The same for every attempt of one delivery: an idempotency key for other services. */
  invocationId: string
  traceId: string
  flows: string[]
  /** 1 for the first attempt. */
  attempt: number
  state: InternalStateManager
  streams: FlowContextStateStreams
  logger: Logger
}

export type ApiRouteHandler<TRequestBody = unknown, TResponseBody = unknown, TEmitData = never> = (
  req: ApiRequest<TRequestBody>,
  ctx: FlowContext<TEmitData>,
) => Promise<TResponseBody>

/** What is known of an event beside its data. */
export interface ReceivedEvent {
  /** What `emit` returned to the emitter. */
  id: string
  topic: string
  messageGroupId?: string
  headers: Record<string, string>
}

export interface EventContext<TEmitData = never> extends FlowContext<TEmitData> {
  event: ReceivedEvent
}

export interface BatchContext<TEmitData = never> extends FlowContext<TEmitData> {
  /** One for each of the input. */
  events: ReceivedEvent[]
}

export type EventHandler<TInput = unknown, TEmitData = never> = (input: TInput, ctx: EventContext<TEmitData>) => Promise<void>

/** Of an event step whose queue has `batch`; `TInput` is what one event has. */
export type BatchHandler<TInput = unknown, TEmitData = never> = (input: TInput[], ctx: BatchContext<TEmitData>) => Promise<void>

export type CronHandler<TEmitData = never> = (ctx: FlowContext<TEmitData>) => Promise<void>

/** A change of a state value; null where there is none. */
export interface StateTriggerInput<TValue = any> {
  type: 'state'
  group_id: string
  item_id: string
  old_value: TValue | null
  new_value: TValue | null
}

export type StateHandler<TValue = any, TEmitData = never> = (input: StateTriggerInput<TValue>, ctx: FlowContext<TEmitData>) => Promise<void>

/** A change of a stream item; `data` is the item after it, or the one that was deleted. */
export interface StreamTriggerInput<TItem = any> {
  type: 'stream'
  streamName: string
  groupId: string
  id: string
  event: { type: 'create' | 'update' | 'delete'; data: StreamItem<TItem> }
}

export type StreamHandler<TItem = any, TEmitData = never> = (input: StreamTriggerInput<TItem>, ctx: FlowContext<TEmitData>) => Promise<void>

export type StepHandler<T = any> =
  | ApiRouteHandler<any, any, any>
  | EventHandler<any, any>
  | BatchHandler<any, any>
  | CronHandler<any>
  | StateHandler<any, any>
  | StreamHandler<any, any>

/** The handlers' types by step name; extended by the project's `types.d.ts`. */
export interface Handlers {}

/** What a client follows, or wants to: a group, or one item of it. */
export interface StreamSubscription {
  streamName: string
  groupId: string
  id?: string
}

/** What is known of a client; extended by the project's `types.d.ts` from `streamAuth.contextSchema`. */
export interface StreamAuthContext {}

/** Null for an anonymous client. */
export type ClientContext = [keyof StreamAuthContext] extends [never] ? any : StreamAuthContext | null

export interface StreamJoinResult {
  unauthorized: boolean
}

export interface StreamConfig {
  name: string
  schema: Schema
  baseConfig: { storageType: 'default' }
  /** Which roles of a client allow it to follow the stream, and to send to those who do. */
  roles?: { read?: string[]; write?: string[] }
  /** Whether a client may follow. */
  canAccess?(subscription: StreamSubscription, authContext: ClientContext, ctx: FlowContext<any>): boolean | Promise<boolean>
  /** Is called when a client joins, and may refuse it. */
  onJoin?(
    subscription: StreamSubscription,
    ctx: FlowContext<any>,
    authContext: ClientContext,
  ): StreamJoinResult | void | Promise<StreamJoinResult | void>
  /** Is called when a client has left. */
  onLeave?(subscription: StreamSubscription, ctx: FlowContext<any>, authContext: ClientContext): unknown
}

/** The request of a client that wants to follow streams. */
export interface StreamAuthRequest {
  /** Names are in lower case. */
  headers: Record<string, string>
  /** The path and the query. */
  url: string
  path: string
  queryParams: Record<string, string | string[]>
}

export interface StreamAuthConfig {
  /** What `authenticate` returns. */
  contextSchema?: Schema
  /** Says who a client is: what is known of it, null for an anonymous one. Throws to refuse it. */
  authenticate(request: StreamAuthRequest, ctx: FlowContext<any>): object | null | Promise<object | null>
}

/** The default export of `motia.config.ts`. Only `streamAuth` has an effect. */
export interface ProjectConfig {
  streamAuth?: StreamAuthConfig
  app?: any
  plugins?: any[]
  adapters?: any
  redis?: any
}

/** The host refused a call, or could not carry it out. */
export class MotiaError extends Error {
  code: 'denied' | 'invalid' | 'limit' | 'unavailable'
}

/** Thrown by a handler that knows that another attempt would fail as well. */
export class NonRetryableError extends Error {
  retryable: false
}

/** Thrown by a handler that knows when another attempt makes sense: in so many milliseconds, or then. */
export class RetryAfterError extends Error {
  constructor(message: string, retryAfter: number | Date, options?: ErrorOptions)
  retryAfter: number | Date
}

/** Gives `motia.config.ts` its type. */
export function defineConfig<T extends ProjectConfig>(value: T): T

/** The same as `defineConfig`. */
export function config<T extends ProjectConfig>(value: T): T
