import { useInfiniteQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'

import { api } from '../../api/client.ts'
import type { AuditEntry, List } from '../../api/types.ts'
import { Badge, type Column, DataTable, EmptyState, ErrorState, JsonView, Page, SidePanel, Time } from '../../ui/index.ts'
import details from '../details.module.css'

const route = getRouteApi('/audit')

export default function AuditPage() {
  const { entry } = route.useSearch()
  const navigate = route.useNavigate()
  const { data, error, refetch, isPending, hasNextPage, isFetchingNextPage, fetchNextPage } = useInfiniteQuery({
    queryKey: ['audit'],
    queryFn: ({ pageParam, signal }) => api.get<List<AuditEntry>>('audit', { before: pageParam, limit: 200 }, signal),
    initialPageParam: undefined as string | number | undefined,
    getNextPageParam: (page) => page.next ?? undefined,
    refetchInterval: (query) => ((query.state.data?.pages.length ?? 0) > 1 ? false : 5_000),
  })
  const rows = data?.pages.flatMap((page) => page.items) ?? []
  const open = rows.find(({ id }) => id === entry)

  return (
    <Page title="Audit" fill>
      <div className={details.split}>
        {error && !data ? (
          <div className={details.center}>
            <ErrorState error={error} retry={refetch} />
          </div>
        ) : (
          <DataTable
            label="Changes"
            main
            columns={columns}
            rows={rows}
            loading={isPending}
            getRowId={({ id }) => id}
            selectedId={entry}
            onRowClick={({ id }) => navigate({ search: { entry: id }, replace: true })}
            onEndReached={() => hasNextPage && !isFetchingNextPage && void fetchNextPage()}
            empty={
              <EmptyState
                icon="shield"
                title="Nobody has changed anything"
                hint="Every change by the API is listed here: edits of state and streams, pauses, redrives, replays and cancellations."
              />
            }
          />
        )}
        <SidePanel open={open !== undefined} onClose={() => navigate({ search: {}, replace: true })} title={open?.action ?? ''} width={480}>
          {open && (
            <div className={details.panel}>
              <dl className={details.facts}>
                <dt>What</dt>
                <dd>{open.subject}</dd>
                <dt>Who</dt>
                <dd>{actorWords(open.actor)}</dd>
                <dt>When</dt>
                <dd>
                  <Time at={open.at} />
                </dd>
              </dl>
              {open.detail === null ? <p className={details.none}>Nothing more was noted.</p> : <JsonView value={open.detail} />}
            </div>
          )}
        </SidePanel>
      </div>
    </Page>
  )
}

const actorWords = (actor: string) => (actor === 'local' ? 'somebody on this machine' : actor)

const columns: Column<AuditEntry>[] = [
  { id: 'at', header: 'When', width: '60px', cell: (entry) => <Time at={entry.at} /> },
  { id: 'actor', header: 'Who', width: '60px', cell: (entry) => <Badge tone={entry.actor === 'admin' ? 'info' : 'neutral'}>{entry.actor}</Badge> },
  { id: 'action', header: 'Action', width: 'minmax(104px, 1fr)', cell: (entry) => <strong>{entry.action}</strong> },
  { id: 'subject', header: 'What', width: 'minmax(76px, 2fr)', cell: (entry) => entry.subject },
  {
    id: 'detail',
    header: 'Detail',
    wideOnly: true,
    width: 'minmax(140px, 2fr)',
    cell: (entry) =>
      entry.detail === null ? <span className={details.none}>–</span> : <code className={details.code}>{JSON.stringify(entry.detail)}</code>,
  },
]
