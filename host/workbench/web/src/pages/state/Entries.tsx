import { useInfiniteQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { useMemo, useRef, useState } from 'react'

import { useChange, useMayChange } from '../../api/change.ts'
import { api } from '../../api/client.ts'
import type { StateEntry } from '../../api/types.ts'
import {
  Button,
  Bytes,
  type Column,
  Confirm,
  DataTable,
  EmptyState,
  ErrorState,
  IconButton,
  SearchInput,
  Time,
  useDebounced,
} from '../../ui/index.ts'
import details from '../details.module.css'
import { Changes } from './changes.ts'
import { entries } from './data.ts'
import { preview } from './json-text.ts'
import { Marked } from './Marked.tsx'
import styles from './state.module.css'

const route = getRouteApi('/state')

export function Entries({ group }: { group: string }) {
  const { key, groups, search, watch = false } = route.useSearch()
  const navigate = route.useNavigate()
  const settled = useDebounced(search)
  const { data, error, refetch, isPending, hasNextPage, isFetchingNextPage, fetchNextPage } = useInfiniteQuery(entries(group, settled, watch))
  const rows = useMemo(() => data?.pages.flatMap((page) => page.items) ?? [], [data])
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set())
  const [asks, setAsks] = useState(false)
  const mayChange = useMayChange()
  const { change } = useChange('state', 'audit')
  const changes = useRef(new Changes())
  changes.current.look(
    rows.map((row) => ({ id: row.key, mark: row.updatedAt })),
    Date.now(),
  )
  const isFresh = (row: StateEntry) => changes.current.isFresh(row.key, Date.now())
  const chosen = rows.filter((row) => selected.has(row.key)).map((row) => row.key)
  const shown = { groups, group, search, watch: watch || undefined }

  const columns: Column<StateEntry>[] = [
    {
      id: 'key',
      header: 'Key',
      width: 'minmax(110px, 1fr)',
      sort: (row) => row.key,
      cell: (row) => <Marked isFresh={isFresh(row)}>{row.key}</Marked>,
    },
    {
      id: 'value',
      header: 'Value',
      width: 'minmax(120px, 2.5fr)',
      cell: (row) =>
        row.truncated ? (
          <span className={details.none}>larger than 64 KiB; open it to see it</span>
        ) : (
          <code className={details.code}>{preview(row.value)}</code>
        ),
    },
    { id: 'bytes', header: 'Size', width: '64px', align: 'end', wideOnly: true, sort: (row) => row.bytes, cell: (row) => <Bytes n={row.bytes} /> },
    { id: 'updated', header: 'Changed', width: '72px', wideOnly: true, sort: (row) => row.updatedAt, cell: (row) => <Time at={row.updatedAt} /> },
  ]

  const remove = async () => {
    const keys = chosen.map((each) => ({ groupId: group, key: each }))
    const isGone = await change(
      () => api.post<{ deleted: number }>('state/delete', { keys }),
      ({ deleted }) => (deleted === 1 ? 'One entry is deleted.' : `${deleted} entries are deleted.`),
    )
    if (!isGone) throw new Error('not deleted')
    setSelected(new Set())
    if (key !== undefined && chosen.includes(key)) await navigate({ search: shown, replace: true })
  }

  return (
    <div className={details.main}>
      <div className={styles.bar}>
        <span className={styles.back}>
          <IconButton label="All groups" icon="chevronLeft" onClick={() => navigate({ search: { groups, watch: watch || undefined } })} />
        </span>
        <h2 className={styles.name} title={group}>
          {group}
        </h2>
        <SearchInput
          value={search ?? ''}
          placeholder="Search keys and values"
          onChange={(text) => navigate({ search: { ...shown, search: text || undefined, key }, replace: true })}
        />
        {chosen.length > 0 && <Button variant="danger" icon="trash" onClick={() => setAsks(true)}>{`Delete ${chosen.length}`}</Button>}
      </div>
      {error && !data ? (
        <div className={details.center}>
          <ErrorState error={error} retry={refetch} />
        </div>
      ) : (
        <DataTable
          label={`Entries of ${group}`}
          main
          columns={columns}
          rows={rows}
          loading={isPending}
          getRowId={(row) => row.key}
          selectedId={key}
          onRowClick={(row) => navigate({ search: { ...shown, key: row.key }, replace: key !== undefined })}
          onEndReached={() => hasNextPage && !isFetchingNextPage && void fetchNextPage()}
          selection={mayChange ? selected : undefined}
          onSelectionChange={setSelected}
          empty={
            <EmptyState
              icon="state"
              title={search ? `Nothing in this group has “${search}”` : 'The group is empty'}
              hint={search ? 'Keys and values are searched.' : 'Its entries were deleted.'}
            />
          }
        />
      )}
      <Confirm
        open={asks}
        onClose={() => setAsks(false)}
        title={chosen.length === 1 ? `Delete ${chosen[0]}?` : `Delete ${chosen.length} entries of ${group}?`}
        action="Delete"
        danger
        onConfirm={remove}
      >
        {EDITS}
      </Confirm>
    </div>
  )
}

/** What people must know of edits. */
export const EDITS = 'Edits trigger state steps like any other write, and are written to the audit.'
