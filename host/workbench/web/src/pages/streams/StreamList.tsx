import { getRouteApi } from '@tanstack/react-router'

import type { StreamInfo } from '../../api/types.ts'
import { type Column, Count, DataTable } from '../../ui/index.ts'

const route = getRouteApi('/streams')

export function StreamList({ streams, selected }: { streams: StreamInfo[] | undefined; selected: string | undefined }) {
  const navigate = route.useNavigate()
  return (
    <DataTable
      label="Streams"
      columns={columns}
      rows={streams ?? []}
      loading={streams === undefined}
      getRowId={({ name }) => name}
      selectedId={selected}
      onRowClick={({ name }) => navigate({ search: { stream: name } })}
    />
  )
}

const columns: Column<StreamInfo>[] = [
  { id: 'name', header: 'Stream', width: 'minmax(90px, 1fr)', sort: ({ name }) => name, cell: ({ name, file }) => <span title={file}>{name}</span> },
  { id: 'groups', header: 'Groups', width: '52px', align: 'end', sort: ({ groups }) => groups, cell: ({ groups }) => <Count n={groups} /> },
  {
    id: 'subscribers',
    header: <abbr title="Subscribers">Subs</abbr>,
    width: '44px',
    align: 'end',
    sort: ({ subscribers }) => subscribers,
    cell: ({ subscribers }) => <Count n={subscribers} />,
  },
]
