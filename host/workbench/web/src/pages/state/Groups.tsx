import { useInfiniteQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { useMemo, useRef } from 'react'

import { useMayChange } from '../../api/change.ts'
import type { StateGroup } from '../../api/types.ts'
import { Bytes, type Column, Count, DataTable, EmptyState, ErrorState, SearchInput, useDebounced } from '../../ui/index.ts'
import details from '../details.module.css'
import { Changes } from './changes.ts'
import { groups } from './data.ts'
import { Marked } from './Marked.tsx'
import styles from './state.module.css'

const route = getRouteApi('/state')

export function Groups() {
  const { group, groups: search, watch = false } = route.useSearch()
  const navigate = route.useNavigate()
  const mayChange = useMayChange()
  const settled = useDebounced(search)
  const { data, error, refetch, isPending, hasNextPage, isFetchingNextPage, fetchNextPage } = useInfiniteQuery(groups(settled, watch))
  const rows = useMemo(() => data?.pages.flatMap((page) => page.items) ?? [], [data])
  const changes = useRef(new Changes())
  changes.current.look(
    rows.map((row) => ({ id: row.groupId, mark: `${row.updatedAt} ${row.keys}` })),
    Date.now(),
  )
  const isFresh = (row: StateGroup) => changes.current.isFresh(row.groupId, Date.now())

  const columns: Column<StateGroup>[] = [
    {
      id: 'group',
      header: 'Group',
      width: 'minmax(90px, 1fr)',
      sort: (row) => row.groupId,
      cell: (row) => <Marked isFresh={isFresh(row)}>{row.groupId}</Marked>,
    },
    { id: 'keys', header: 'Keys', width: '48px', align: 'end', sort: (row) => row.keys, cell: (row) => <Count n={row.keys} /> },
    { id: 'bytes', header: 'Size', width: '64px', align: 'end', sort: (row) => row.bytes, cell: (row) => <Bytes n={row.bytes} /> },
  ]

  return (
    <>
      <div className={styles.bar}>
        <SearchInput
          value={search ?? ''}
          placeholder="Search groups"
          onChange={(text) => navigate({ search: (before) => ({ ...before, groups: text || undefined }), replace: true })}
        />
      </div>
      {error && !data ? (
        <div className={details.center}>
          <ErrorState error={error} retry={refetch} />
        </div>
      ) : (
        <DataTable
          label="Groups of state"
          columns={columns}
          rows={rows}
          loading={isPending}
          getRowId={(row) => row.groupId}
          selectedId={group}
          onRowClick={(row) => navigate({ search: { groups: search, group: row.groupId, watch: watch || undefined } })}
          onEndReached={() => hasNextPage && !isFetchingNextPage && void fetchNextPage()}
          empty={
            search ? (
              <EmptyState icon="state" title={`No group has “${search}” in its name`} />
            ) : (
              <EmptyState
                icon="state"
                title="State is empty"
                hint={`Steps fill it with \`state.set(group, key, value)\`${mayChange ? ', and you can with “New entry”' : ''}.`}
              />
            )
          }
        />
      )}
    </>
  )
}
