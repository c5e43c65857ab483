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

export interface QueueConfig {
  type?: 'fifo' | 'standard'
  /** Attempts after the first. */
  maxRetries?: number
  /** How long an attempt may take, in seconds. */
  visibilityTimeout?: number
  /** How long an event waits before its first attempt, in seconds. */
  delaySeconds?: number
  /** How many events are handled at a time. */
  concurrency?: number
}

export interface InfrastructureConfig {
  handler?: { ram?: number; cpu?: number; timeout?: number }
  queue?: QueueConfig
}

interface RunConfig extends CommonConfig {
  /** The topics to which the step may emit; none or an empty list allows any. */
  emits?: Emit[]
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
}

export interface NoopConfig extends CommonConfig {
  type: 'noop'
}

export type StepConfig = ApiRouteConfig | EventConfig | CronConfig | NoopConfig

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

/** Emits an event; resolves when the host has taken it. */
export type Emitter<TData> = (event: TData) => Promise<void>

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

export type EventHandler<TInput = unknown, TEmitData = never> = (input: TInput, ctx: FlowContext<TEmitData>) => Promise<void>

export type CronHandler<TEmitData = never> = (ctx: FlowContext<TEmitData>) => Promise<void>

export type StepHandler<T = any> =
  | ApiRouteHandler<any, any, any>
  | EventHandler<any, any>
  | CronHandler<any>

/** The handlers' types by step name; extended by the project's `types.d.ts`. */
export interface Handlers {}

export interface StreamSubscription {
  groupId: string
  id?: string
}

/** Extended by the project's `types.d.ts`. */
export interface StreamAuthContext {}

export interface StreamConfig {
  name: string
  schema: Schema
  baseConfig: { storageType: 'default' }
  canAccess?: (subscription: StreamSubscription, authContext: any) => boolean | Promise<boolean>
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
export function defineConfig<T>(value: T): T

/** The same as `defineConfig`. */
export function config<T>(value: T): T
