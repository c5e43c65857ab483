import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'

import type { Json, Span, Trace } from '../api/types.ts'
import details from '../pages/details.module.css'
import { traceOf } from '../pages/traces/data.ts'
import { Badge, CopyButton, ErrorState, formatDuration, Icon, JsonView, Loading, SidePanel, StatusBadge } from '../ui/index.ts'
import { changeOf, colorOf, explanationOf, iconOf, isCut, summaryOf, titleOf } from './span.ts'
import styles from './SpanPanel.module.css'

interface Props {
  span: Span | undefined
  /** All of the run that are there. */
  spans: readonly Span[]
  traceId: string
  /** How long the run took. */
  runUs: number
  onClose: () => void
}

/** All that is known of a span. */
export function SpanPanel({ span, spans, traceId, runUs, onClose }: Props) {
  const title = span && (
    <>
      <span className={styles.icon} style={{ '--color': colorOf(span) }}>
        <Icon name={iconOf(span)} />
      </span>
      {titleOf(span)}
    </>
  )
  return (
    <SidePanel onClose={onClose} open={span !== undefined} title={title}>
      {span && (
        <div className={details.panel}>
          <Facts runUs={runUs} span={span} />
          {span.error !== null && (
            <p className={styles.error} role="alert">
              {span.error}
            </p>
          )}
          {span.name === 'emit' && <Caused eventId={String(span.detail?.eventId ?? '')} traceId={traceId} />}
          <Detail span={span} spans={spans} />
        </div>
      )}
    </SidePanel>
  )
}

function Facts({ span, runUs }: { span: Span; runUs: number }) {
  const { name, detail, startUs, durationUs } = span
  const share = runUs > 0 && startUs >= 0 ? `, ${((durationUs / runUs) * 100).toFixed(durationUs / runUs < 0.1 ? 1 : 0)} % of the run` : ''
  const cpuUs = name === 'guest' ? detail?.cpuUs : undefined
  const explanation = explanationOf(span)
  return (
    <>
      {explanation && <p className={details.note}>{explanation}</p>}
      <dl className={details.facts}>
        <Fact name="Began">{startUs < 0 ? `${formatDuration(-startUs / 1_000)} before the run` : `after ${formatDuration(startUs / 1_000)}`}</Fact>
        <Fact name="Took">
          {formatDuration(durationUs / 1_000)}
          {share}
        </Fact>
        {typeof cpuUs === 'number' && <Fact name="Own code">{formatDuration(cpuUs / 1_000)}</Fact>}
        {name === 'emit' && <Fact name="Topic">{summaryOf(span)}</Fact>}
        {(name === 'emit' || name === 'cancel') && typeof detail?.eventId === 'string' && (
          <Fact name="Event">
            <span className={details.id}>{detail.eventId}</span> <CopyButton label="Copy the event's id" text={detail.eventId} />
          </Fact>
        )}
        {name === 'cancel' && <Fact name="Cancelled">{detail?.cancelled === true ? 'yes' : 'no, it was under way or done'}</Fact>}
        {name === 'http' && <Request span={span} />}
        {name.startsWith('state.') && <StateKey span={span} />}
        {name.startsWith('stream.') && <StreamItem span={span} />}
      </dl>
    </>
  )
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  )
}

const textOf = (span: Span, name: string): string | undefined => {
  const value = span.detail?.[name]
  return typeof value === 'string' ? value : undefined
}

function Request({ span }: { span: Span }) {
  const status = span.detail?.status
  return (
    <>
      <Fact name="Request">
        <span className={details.id}>{summaryOf(span)}</span>
      </Fact>
      <Fact name="Status">{typeof status === 'number' ? <Badge tone={status < 400 ? 'success' : 'danger'}>{status}</Badge> : 'no answer'}</Fact>
    </>
  )
}

function StateKey({ span }: { span: Span }) {
  const [group, key] = [textOf(span, 'groupId'), textOf(span, 'key')]
  return (
    <>
      <Fact name="Group">{group}</Fact>
      {key !== undefined && (
        <Fact name="Key">
          <Link search={{ group, key }} to="/state">
            {key}
          </Link>
        </Fact>
      )}
      {typeof span.detail?.count === 'number' && <Fact name="Entries">{span.detail.count}</Fact>}
    </>
  )
}

function StreamItem({ span }: { span: Span }) {
  const [stream, group, id, type] = [textOf(span, 'streamName'), textOf(span, 'groupId'), textOf(span, 'id'), textOf(span, 'eventType')]
  return (
    <>
      <Fact name="Stream">{stream}</Fact>
      <Fact name="Group">
        <Link search={{ stream, group, id }} to="/streams">
          {group}
        </Link>
      </Fact>
      {id !== undefined && <Fact name="Item">{id}</Fact>}
      {type !== undefined && <Fact name="Event">{type}</Fact>}
      {typeof span.detail?.count === 'number' && <Fact name="Items">{span.detail.count}</Fact>}
    </>
  )
}

function Detail({ span, spans }: Pick<Props, 'spans'> & { span: Span }) {
  const { name, detail } = span
  if (!detail) return null
  const change = changeOf(span, spans)
  if (change) {
    return (
      <>
        {change.before !== undefined && <Value title="Before" value={change.before} />}
        {change.after !== undefined && <Value title="After" value={change.after} />}
      </>
    )
  }
  if (name === 'emit' || name === 'stream.send') return <Value title="Data" value={detail.data} />
  if (name === 'state.get') return <Value title="Value" value={detail.value} />
  if (name === 'stream.get') return <Value title="Value" value={detail.data} />
  return null
}

function Value({ title, value }: { title: string; value: Json | undefined }) {
  if (value === undefined) return null
  return (
    <section>
      <h3 className={styles.head}>
        {title}
        <CopyButton label={`Copy: ${title}`} text={() => (isCut(value) ? value : JSON.stringify(value, null, 2))} />
      </h3>
      {value === null ? (
        <p className={details.none}>Nothing</p>
      ) : isCut(value) ? (
        <>
          <pre className={styles.cut}>{value}</pre>
          <p className={details.note}>It is longer; only its beginning is kept.</p>
        </>
      ) : (
        <JsonView value={value} />
      )}
    </section>
  )
}

/** What came of an event: the runs that it has caused, those that go on, and the deliveries that wait. */
function Caused({ traceId, eventId }: { traceId: string; eventId: string }) {
  const { data, error, refetch } = useQuery(traceOf(traceId))
  return (
    <section>
      <h3>Caused</h3>
      {error && !data && <ErrorState error={error} retry={() => void refetch()} />}
      {!data && !error && <Loading lines={2} />}
      {data && <Effects eventId={eventId} trace={data} />}
    </section>
  )
}

function Effects({ trace, eventId }: { trace: Trace; eventId: string }) {
  const ended = trace.runs.filter((run) => run.eventId === eventId)
  const waiting = trace.waiting.filter((delivery) => delivery.eventId === eventId)
  const leased = new Set(waiting.map(({ id }) => id))
  const running = trace.running.filter(({ deliveries }) => deliveries.some((id) => leased.has(id)))
  const still = waiting.filter(({ reason }) => reason !== 'running')
  if (ended.length + running.length + still.length === 0) {
    return (
      <p className={details.note}>
        No run is known to have begun with it: no step subscribes to the topic, it was handled in a batch, or it was cancelled.{' '}
        <Link params={{ trace: trace.traceId }} to="/traces/$trace">
          The whole trace
        </Link>
      </p>
    )
  }
  return (
    <ul className={styles.effects}>
      {ended.map((run) => (
        <li key={run.id}>
          <StatusBadge label="" status={run.status} />
          <Link params={{ run: run.id }} to="/runs/$run">
            {run.step}
          </Link>
          {run.attempt > 1 && <Badge tone="warning">attempt {run.attempt}</Badge>}
          <span className={details.note}>
            {run.status}, {formatDuration(run.endedAt - run.startedAt)}
          </span>
        </li>
      ))}
      {running.map((run) => (
        <li key={run.id}>
          <StatusBadge label="" status="running" />
          <Link params={{ run: run.id }} to="/runs/$run">
            {run.step}
          </Link>
          <span className={details.note}>running</span>
        </li>
      ))}
      {still.map((delivery) => (
        <li key={delivery.id}>
          <StatusBadge label="" status={delivery.reason} />
          <Link search={{ step: delivery.step, delivery: delivery.id }} to="/queues">
            {delivery.step}
          </Link>
          <span className={details.note}>{delivery.why}</span>
        </li>
      ))}
    </ul>
  )
}
