import { useQuery, useQueryClient } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'

import { useLive } from '../../api/live.ts'
import type { RunDetail, RunningInfo } from '../../api/types.ts'
import { Button, EmptyState, ErrorState, KindBadge, Loading, Page, StatusBadge, Tabs } from '../../ui/index.ts'
import { SpanPanel } from '../../waterfall/SpanPanel.tsx'
import { useSpanList } from '../../waterfall/span-list.ts'
import { isChange } from '../../waterfall/span.ts'
import details from '../details.module.css'
import { LogList } from '../logs/LogList.tsx'
import { MOST_LOGS, useLogs } from '../logs/use-logs.ts'
import { Actions } from './Actions.tsx'
import { Attempts, AttemptSwitch } from './Attempts.tsx'
import { Changes } from './Changes.tsx'
import { attemptsOf, deliveryOf, isMissing, runOf, WRITTEN_MS } from './data.ts'
import { ErrorCallout } from './ErrorCallout.tsx'
import { Facts } from './Facts.tsx'
import { InputOutput } from './InputOutput.tsx'
import styles from './run.module.css'
import type { RunSearch, RunTab } from './search.ts'
import { Timeline } from './Timeline.tsx'

const route = getRouteApi('/runs/$run')

export default function RunPage() {
  const { run: id } = route.useParams()
  const client = useQueryClient()
  const { data: run, error, refetch } = useQuery(runOf(id))
  useLive(['runs'], (event) => {
    if (event.topic !== 'runs' || !run) return
    if (event.data.ended.some((ended) => ended.id === id)) void client.invalidateQueries(runOf(id))
    // Another attempt of the same invocation: it is told before it can be read.
    if ('endedAt' in run && event.data.ended.some((ended) => ended.invocationId === run.invocationId)) {
      setTimeout(() => {
        void client.invalidateQueries(attemptsOf(run))
        void client.invalidateQueries(deliveryOf(run.delivery))
      }, WRITTEN_MS)
    }
  })
  if (run) return 'endedAt' in run ? <EndedRun key={id} run={run} /> : <RunningRun key={id} run={run} />
  return (
    <Page name={`Run ${id}`} title="Run">
      {!error && <Loading lines={10} />}
      {error && (isMissing(error) ? <Missing id={id} retry={() => void refetch()} /> : <ErrorState error={error} retry={() => void refetch()} />)}
    </Page>
  )
}

function Missing({ id, retry }: { id: string; retry: () => void }) {
  const hint = (
    <p>
      No run has the id <code>{id}</code>, or it is older than what the host keeps (<code>--keep-runs</code>).
    </p>
  )
  return <EmptyState action={<Button onClick={retry}>Look again</Button>} hint={hint} icon="runs" title="There is no such run" />
}

function Title({ step, kind, status }: { step: string; kind: string; status: string }) {
  return (
    <span className={styles.title}>
      <Link className={styles.back} to="/runs">
        Runs
      </Link>
      <span aria-hidden="true" className={styles.back}>
        /
      </span>
      <span className={styles.name}>{step}</span>
      <KindBadge kind={kind} />
      <span className={styles.status}>
        <StatusBadge status={status} />
      </span>
    </span>
  )
}

function RunningRun({ run }: { run: RunningInfo }) {
  const logs = useLogs({ run: run.id }, true)
  return (
    <Page actions={<Actions run={run} />} fill name={`${run.step} ${run.id}`} title={<Title kind={run.kind} status="running" step={run.step} />}>
      <Facts run={run} />
      <Timeline logs={logs.data ?? []} onOpen={() => undefined} run={run} spans={[]} />
    </Page>
  )
}

function EndedRun({ run }: { run: RunDetail }) {
  const { tab = 'timeline', span: index } = route.useSearch()
  const navigate = route.useNavigate()
  const [list, version, reload] = useSpanList(run.id)
  const logs = useLogs({ run: run.id }, false)
  const attempts = useQuery(attemptsOf(run)).data ?? [run]
  const set = (change: RunSearch) => void navigate({ search: (old) => ({ ...old, ...change }), replace: true })
  const open = (span: number | undefined) => set({ span })
  const span = index === undefined ? undefined : list.spans[index]
  const changes = list.spans.reduce((count, one) => count + Number(isChange(one)), 0)
  const tabs: { value: RunTab; label: string; count?: number }[] = [
    { value: 'timeline', label: 'Timeline', count: run.spans },
    { value: 'data', label: 'Input and output' },
    { value: 'changes', label: 'Changes', count: changes },
    { value: 'logs', label: 'Logs', count: logs.data?.length },
    ...(attempts.length > 1 ? [{ value: 'attempts' as const, label: 'Attempts', count: attempts.length }] : []),
  ]
  return (
    <Page actions={<Actions run={run} />} fill name={`${run.step} ${run.id}`} title={<Title kind={run.kind} status={run.status} step={run.step} />}>
      <Facts run={run} />
      <AttemptSwitch attempts={attempts} run={run} />
      {run.error && <ErrorCallout error={run.error} />}
      <div className={details.tabs}>
        <Tabs items={tabs} label="About the run" onChange={(value) => set({ tab: value === 'timeline' ? undefined : (value as RunTab) })} value={tab} />
      </div>
      <div className={details.split}>
        <div className={details.main}>
          {tab === 'timeline' && (
            <Timeline error={list.error} logs={logs.data ?? []} onOpen={open} onRetry={reload} opened={index} run={run} spans={list.spans} version={version} />
          )}
          {tab === 'data' && <InputOutput run={run} />}
          {tab === 'changes' && <Changes done={list.done} onOpen={open} opened={index} spans={list.spans} version={version} />}
          {tab === 'logs' && <RunLogs logs={logs} run={run} />}
          {tab === 'attempts' && <Attempts attempts={attempts} shown={run.id} />}
        </div>
        <SpanPanel onClose={() => open(undefined)} runUs={(run.endedAt - run.startedAt) * 1_000} span={span} spans={list.spans} traceId={run.traceId} />
      </div>
    </Page>
  )
}

function RunLogs({ run, logs }: { run: RunDetail; logs: ReturnType<typeof useLogs> }) {
  const { data, error, refetch, isPending } = logs
  if (error && !data) return <ErrorState error={error} retry={() => void refetch()} />
  return (
    <>
      {data?.length === MOST_LOGS && (
        <p className={styles.more}>
          The newest {MOST_LOGS.toLocaleString('en')}.{' '}
          <Link search={{ run: run.id }} to="/logs">
            All of them
          </Link>
        </p>
      )}
      <LogList
        empty={<EmptyState hint="What a step logs while it runs appears here and in the timeline." icon="logs" title="The run has logged nothing" />}
        label="Log records of the run, oldest first"
        loading={isPending}
        logs={data ?? []}
        ofRun
      />
    </>
  )
}
