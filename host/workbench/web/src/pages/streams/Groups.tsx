import { useInfiniteQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { useMemo, useRef } from 'react'

import type { StreamGroup } from '../../api/types.ts'
import { type Column, Count, DataTable, EmptyState, ErrorState, IconButton, SearchInput, useDebounced } from '../../ui/index.ts'
import details from '../details.module.css'
import { Changes } from '../state/changes.ts'
import { Marked } from '../state/Marked.tsx'
import { groups } from './data.ts'
import styles from './streams.module.css'

const route = getRouteApi('/streams')

export function Groups({ stream }: { stream: string }) {
  const { group, groups: search } = route.useSearch()
  const navigate = route.useNavigate()
  const settled = useDebounced(search)
  const { data, error, refetch, isPending, hasNextPage, isFetchingNextPage, fetchNextPage } = useInfiniteQuery(groups(stream, settled))
  const rows = useMemo(() => data?.pages.flatMap((page) => page.items) ?? [], [data])
  const changes = useRef(new Changes())
  changes.current.look(
    rows.map((row) => ({ id: row.groupId, mark: row.offset })),
    Date.now(),
  )

  const columns: Column<StreamGroup>[] = [
    {
      id: 'group',
      header: 'Group',
      width: 'minmax(90px, 1fr)',
      sort: (row) => row.groupId,
      cell: (row) => <Marked isFresh={changes.current.isFresh(row.groupId, Date.now())}>{row.groupId}</Marked>,
    },
    { id: 'items', header: 'Items', width: '46px', align: 'end', sort: (row) => row.items, cell: (row) => <Count n={row.items} /> },
    { id: 'offset', header: 'Offset', width: '54px', align: 'end', sort: (row) => row.offset, cell: (row) => <Count n={row.offset} /> },
    {
      id: 'subscribers',
      header: <abbr title="Subscribers">Subs</abbr>,
      width: '44px',
      align: 'end',
      sort: (row) => row.subscribers,
      cell: (row) => <Count n={row.subscribers} />,
    },
  ]

  return (
    <>
      <div className={styles.bar}>
        <span className={styles.back}>
          <IconButton label="All streams" icon="chevronLeft" onClick={() => navigate({ search: {} })} />
        </span>
        <SearchInput
          value={search ?? ''}
          placeholder={`Search groups of ${stream}`}
          onChange={(text) => navigate({ search: (before) => ({ ...before, groups: text || undefined }), replace: true })}
        />
      </div>
      {error && !data ? (
        <div className={details.center}>
          <ErrorState error={error} retry={refetch} />
        </div>
      ) : (
        <DataTable
          label={`Groups of ${stream}`}
          columns={columns}
          rows={rows}
          loading={isPending}
          getRowId={(row) => row.groupId}
          selectedId={group}
          onRowClick={(row) => navigate({ search: { stream, groups: search, group: row.groupId } })}
          onEndReached={() => hasNextPage && !isFetchingNextPage && void fetchNextPage()}
          empty={
            search ? (
              <EmptyState icon="stream" title={`No group has “${search}” in its name`} />
            ) : (
              <EmptyState
                icon="stream"
                title="The stream has no groups yet"
                hint={`Steps make them with \`streams.${stream}.set(group, id, data)\`.`}
              />
            )
          }
        />
      )}
    </>
  )
}
