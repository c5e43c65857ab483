import { keepPreviousData, useQuery, useQueryClient } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { useEffect, useRef } from 'react'

import { useLive } from '../../api/live.ts'
import type { Trace } from '../../api/types.ts'
import { Button, EmptyState, ErrorState, Loading, Page, StatusBadge, Tabs } from '../../ui/index.ts'
import details from '../details.module.css'
import { LogList } from '../logs/LogList.tsx'
import { MOST_LOGS, useLogs } from '../logs/use-logs.ts'
import { isMissing } from '../run/data.ts'
import styles from '../run/run.module.css'
import { lookMs, traceOf } from './data.ts'
import { Errors } from './Errors.tsx'
import { Facts } from './Facts.tsx'
import type { TraceTab } from './search.ts'
import { TraceTimeline } from './TraceTimeline.tsx'

const route = getRouteApi('/traces/$trace')

export default function TracePage() {
  const { trace: id } = route.useParams()
  const { data: trace, error, refetch } = useQuery({ ...traceOf(id), placeholderData: keepPreviousData })
  useFresh(id, trace)
  if (trace?.traceId === id) return <ShownTrace key={id} trace={trace} />
  return (
    <Page name={`Trace ${id}`} title="Trace">
      {!error && <Loading lines={10} />}
      {error && (isMissing(error) ? <Missing id={id} retry={() => void refetch()} /> : <ErrorState error={error} retry={() => void refetch()} />)}
    </Page>
  )
}

function Missing({ id, retry }: { id: string; retry: () => void }) {
  const hint = (
    <p>
      No step has begun in <code>{id}</code>: a request that does not match its <code>bodySchema</code>, for one, is answered before that. Or it is older
      than what the host keeps (<code>--keep-runs</code>).
    </p>
  )
  return <EmptyState action={<Button onClick={retry}>Look again</Button>} hint={hint} icon="runs" title="There is nothing of this trace" />
}

/** Has the trace read again soon after something of it has begun or ended. */
function useFresh(id: string, trace: Trace | undefined): void {
  const client = useQueryClient()
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)
  useEffect(() => () => clearTimeout(timer.current), [id])
  useLive(['runs'], (event) => {
    if (event.topic !== 'runs' && event.topic !== 'gap') return
    timer.current ??= setTimeout(() => {
      timer.current = undefined
      void client.invalidateQueries(traceOf(id))
    }, lookMs(trace) / 4)
  }, { traceId: id })
}

function ShownTrace({ trace }: { trace: Trace }) {
  const { tab = 'timeline' } = route.useSearch()
  const navigate = route.useNavigate()
  const logs = useLogs({ traceId: trace.traceId }, trace.status === 'running')
  const tabs: { value: TraceTab; label: string; count?: number }[] = [
    { value: 'timeline', label: 'Timeline', count: trace.runs.length + trace.running.length },
    { value: 'logs', label: 'Logs', count: logs.data?.length },
  ]
  const title = (
    <span className={styles.title}>
      <Link className={styles.back} to="/runs">
        Runs
      </Link>
      <span aria-hidden="true" className={styles.back}>
        /
      </span>
      <span className={styles.name}>Trace {trace.traceId}</span>
      <span className={styles.status}>
        <StatusBadge status={trace.status === 'running' && trace.running.length === 0 ? 'waiting' : trace.status} />
      </span>
    </span>
  )
  const actions = (
    <>
      <Link className={styles.link} search={{ traceId: trace.traceId }} to="/runs">
        As a list
      </Link>
      <Link className={styles.link} search={{ traceId: trace.traceId }} to="/logs">
        Logs
      </Link>
    </>
  )
  return (
    <Page actions={actions} fill name={`Trace ${trace.traceId}`} title={title}>
      <Facts trace={trace} />
      <Errors trace={trace} />
      <div className={details.tabs}>
        <Tabs
          items={tabs}
          label="About the trace"
          onChange={(value) => void navigate({ search: (old) => ({ ...old, tab: value === 'timeline' ? undefined : (value as TraceTab) }), replace: true })}
          value={tab}
        />
      </div>
      {tab === 'timeline' && <TraceTimeline logs={logs.data ?? []} trace={trace} />}
      {tab === 'logs' && <TraceLogs logs={logs} traceId={trace.traceId} />}
    </Page>
  )
}

function TraceLogs({ traceId, logs: { data, error, refetch, isPending } }: { traceId: string; logs: ReturnType<typeof useLogs> }) {
  if (error && !data) return <ErrorState error={error} retry={() => void refetch()} />
  return (
    <>
      {data?.length === MOST_LOGS && (
        <p className={styles.more}>
          The newest {MOST_LOGS.toLocaleString('en')}.{' '}
          <Link search={{ traceId }} to="/logs">
            All of them
          </Link>
        </p>
      )}
      <LogList
        empty={<EmptyState hint="What its steps log appears here and in the timeline." icon="logs" title="Nothing was logged in this trace" />}
        label="Log records of the trace, oldest first"
        loading={isPending}
        logs={data ?? []}
      />
    </>
  )
}
