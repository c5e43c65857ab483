import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'

import { useChange, useMayChange } from '../../api/change.ts'
import { api, path } from '../../api/client.ts'
import { queries } from '../../api/queries.ts'
import type { Cron, List } from '../../api/types.ts'
import { Badge, Button, type Column, DataTable, EmptyState, ErrorState, Page, StatusBadge, Time } from '../../ui/index.ts'
import details from '../details.module.css'
import { CronPanel } from './CronPanel.tsx'
import styles from './crons.module.css'
import { runsOf } from './data.ts'
import { cronWords } from './words.ts'

const route = getRouteApi('/crons')

export default function CronsPage() {
  const { step } = route.useSearch()
  const navigate = route.useNavigate()
  const { data, error, refetch, isPending } = useQuery({
    queryKey: ['crons'],
    queryFn: async ({ signal }) => (await api.get<List<Cron>>('crons', { next: 5 }, signal)).items,
    refetchInterval: 5_000,
  })
  const mayChange = useMayChange()
  const { change, busy } = useChange('crons', 'runs', 'queues')
  const figures = useQuery(queries.figures()).data
  const isPaused = (name: string) => figures?.steps[name]?.paused === true
  const run = (name: string) =>
    change(
      () => api.post(`crons/${path(name)}/run`),
      isPaused(name) ? `${name} runs as soon as its queue is resumed: the queue is paused.` : `${name} runs now.`,
    )
  const button = (cron: Cron) => (
    <Button variant="secondary" size="small" disabled={busy} onClick={() => run(cron.step)}>
      Run now
    </Button>
  )

  return (
    <Page title="Crons" fill>
      <div className={details.split}>
        {error && !data ? (
          <div className={details.center}>
            <ErrorState error={error} retry={refetch} />
          </div>
        ) : (
          <DataTable
            label="Cron steps"
            main
            columns={
              mayChange
                ? [
                    ...columnsOf(isPaused),
                    {
                      id: 'run',
                      header: <span className="visually-hidden">Actions</span>,
                      width: '76px',
                      align: 'end',
                      wideOnly: true,
                      cell: button,
                    },
                  ]
                : columnsOf(isPaused)
            }
            rows={data ?? []}
            rowHeight={52}
            loading={isPending}
            getRowId={(cron) => cron.step}
            selectedId={step}
            onRowClick={(cron) => navigate({ search: { step: cron.step }, replace: true })}
            empty={
              <EmptyState
                icon="clock"
                title="No cron steps"
                hint="A step with `type: 'cron'` and a schedule such as `30 2 * * *` runs by the clock."
              />
            }
          />
        )}
        <CronPanel
          cron={data?.find((cron) => cron.step === step)}
          onClose={() => navigate({ search: {}, replace: true })}
          action={(cron) =>
            mayChange && (
              <Button variant="primary" disabled={busy} onClick={() => run(cron.step)}>
                Run now
              </Button>
            )
          }
        />
      </div>
    </Page>
  )
}

const columnsOf = (isPaused: (step: string) => boolean): Column<Cron>[] => [
  {
    id: 'step',
    header: 'Step',
    width: 'minmax(112px, 1fr)',
    sort: (cron) => cron.step,
    cell: (cron) => (
      <span className={styles.step}>
        <strong>{cron.step}</strong>
        {isPaused(cron.step) && (
          <Link search={{ step: cron.step }} title="The queue of the step is paused" to="/queues">
            <Badge tone="warning">paused</Badge>
          </Link>
        )}
      </span>
    ),
  },
  {
    id: 'schedule',
    header: 'Schedule',
    width: 'minmax(120px, 2fr)',
    cell: (cron) => (
      <span className={styles.schedule}>
        {cronWords(cron.cron) && <span>{cronWords(cron.cron)}</span>}
        <code>{cron.cron}</code>
      </span>
    ),
  },
  {
    id: 'zone',
    header: 'Time zone',
    wideOnly: true,
    width: 'minmax(120px, 1fr)',
    cell: (cron) => cron.timezone ?? <span className={details.none}>the host’s</span>,
  },
  {
    id: 'last',
    header: 'Last run',
    wideOnly: true,
    width: '160px',
    sort: (cron) => cron.lastTick,
    cell: (cron) => <LastRun cron={cron} />,
  },
  {
    id: 'next',
    header: 'Next',
    width: '70px',
    sort: (cron) => cron.nextTicks[0] ?? null,
    cell: (cron) => (cron.nextTicks[0] === undefined ? <span className={details.none}>never</span> : <Time at={cron.nextTicks[0]} />),
  },
]

/** How the newest run ended, or when the clock last ticked if no run is kept. */
function LastRun({ cron }: { cron: Cron }) {
  const { data } = useQuery(runsOf(cron.step, 1))
  const run = data?.[0]
  if (run) {
    return (
      <Link className={styles.last} params={{ run: run.id }} title={run.error?.message} to="/runs/$run">
        <StatusBadge status={run.status} />
        <Time at={run.startedAt} />
      </Link>
    )
  }
  return cron.lastTick === null ? <span className={details.none}>never</span> : <Time at={cron.lastTick} />
}
