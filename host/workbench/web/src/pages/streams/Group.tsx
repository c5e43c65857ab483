import { useQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { useEffect, useEffectEvent, useMemo, useRef, useState } from 'react'

import { useMayChange } from '../../api/change.ts'
import type { StreamInfo } from '../../api/types.ts'
import { Badge, Button, CodeView, type Column, DataTable, EmptyState, IconButton, SearchInput, StatusBadge, Tabs, Time } from '../../ui/index.ts'
import details from '../details.module.css'
import { Changes } from '../state/changes.ts'
import { jsonText, preview } from '../state/json-text.ts'
import { Marked } from '../state/Marked.tsx'
import { listed } from './data.ts'
import type { Happening, LiveGroup, LiveItem } from './frames.ts'
import { ItemPanel } from './ItemPanel.tsx'
import { type Connection, useLiveGroup } from './live-group.ts'
import { NewItem } from './NewItem.tsx'
import { SendEvent } from './SendEvent.tsx'
import styles from './streams.module.css'

const route = getRouteApi('/streams')

interface Props {
  stream: string
  group: string
  info: StreamInfo | undefined
}

export function Group({ stream, group, info }: Props) {
  const { id, tab = 'items', groups } = route.useSearch()
  const navigate = route.useNavigate()
  const { live, connection, addListed } = useLiveGroup(stream, group)
  const list = useQuery(listed(stream, group)).data
  const isSynced = connection.state === 'live' && live.offset !== null
  const add = useEffectEvent(() => list && addListed(list))
  useEffect(() => {
    if (isSynced) add()
  }, [isSynced, list])
  const [opens, setOpens] = useState<'item' | 'event'>()
  const mayChange = useMayChange()
  const open = id === undefined ? undefined : live.items.get(id)

  return (
    <>
      <div className={details.main}>
        <div className={styles.bar}>
          <span className={styles.back}>
            <IconButton label={`All groups of ${stream}`} icon="chevronLeft" onClick={() => navigate({ search: { stream, groups } })} />
          </span>
          <h2 className={styles.name} title={group}>
            {group}
          </h2>
          <ConnectionBadge connection={connection} />
          {live.offset !== null && <span className={details.note}>offset {live.offset.toLocaleString('en')}</span>}
          {mayChange && (
            <span className={styles.actions}>
              <Button size="small" icon="plus" onClick={() => setOpens('item')}>
                New item
              </Button>
              <Button size="small" icon="send" onClick={() => setOpens('event')}>
                Send event
              </Button>
            </span>
          )}
        </div>
        <div className={details.tabs}>
          <Tabs
            label={`Parts of ${group}`}
            items={[
              { value: 'items', label: 'Items', count: live.items.size },
              { value: 'changes', label: 'Changes', count: live.changes },
              { value: 'schema', label: 'Schema' },
            ]}
            value={tab}
            onChange={(next) => navigate({ search: (before) => ({ ...before, tab: next as typeof tab }), replace: true })}
          />
        </div>
        {tab === 'items' && <Items live={live} connection={connection} />}
        {tab === 'changes' && <Happenings live={live} />}
        {tab === 'schema' && <Schema info={info} />}
      </div>
      {id !== undefined && <ItemPanel key={id} stream={stream} group={group} id={id} item={open} isLoaded={isSynced} schema={info?.schema} />}
      {opens === 'event' && <SendEvent stream={stream} group={group} onClose={() => setOpens(undefined)} />}
      {opens === 'item' && <NewItem stream={stream} group={group} schema={info?.schema} onClose={() => setOpens(undefined)} />}
    </>
  )
}

function ConnectionBadge({ connection }: { connection: Connection }) {
  if (connection.state === 'refused') return <Badge tone="danger">{connection.error.message}</Badge>
  const words = { live: 'live', connecting: 'connecting', lost: 'connection lost, trying again' }
  return (
    <span role="status">
      <StatusBadge status={connection.state} label={words[connection.state]} />
    </span>
  )
}

function Items({ live, connection }: { live: LiveGroup; connection: Connection }) {
  const { search = '', id } = route.useSearch()
  const navigate = route.useNavigate()
  const changes = useRef(new Changes())
  const shown = useMemo(() => {
    const wanted = search.toLowerCase()
    const items = [...live.items.values()]
    return wanted ? items.filter((item) => `${item.id} ${JSON.stringify(item.data)}`.toLowerCase().includes(wanted)) : items
  }, [live.items, search])
  changes.current.look(
    shown.map((item) => ({ id: item.id, mark: item.updatedAt === null ? '' : `${item.offset}` })),
    Date.now(),
  )
  const isFresh = (item: LiveItem) => item.updatedAt !== null && changes.current.isFresh(item.id, Date.now())

  const columns: Column<LiveItem>[] = [
    {
      id: 'id',
      header: 'Id',
      width: 'minmax(90px, 1fr)',
      sort: (item) => item.id,
      cell: (item) => <Marked isFresh={isFresh(item)}>{item.id}</Marked>,
    },
    { id: 'data', header: 'Data', width: 'minmax(120px, 3fr)', cell: (item) => <code className={details.code}>{preview(item.data)}</code> },
    {
      id: 'offset',
      header: 'Offset',
      width: '60px',
      align: 'end',
      wideOnly: true,
      sort: (item) => item.offset,
      cell: (item) => item.offset?.toLocaleString('en') ?? '–',
    },
    { id: 'updated', header: 'Changed', width: '72px', wideOnly: true, sort: (item) => item.updatedAt, cell: (item) => <Time at={item.updatedAt} /> },
  ]
  return (
    <>
      <div className={styles.bar}>
        <SearchInput
          value={search}
          placeholder="Search ids and data"
          onChange={(text) => navigate({ search: (before) => ({ ...before, search: text || undefined }), replace: true })}
        />
      </div>
      <DataTable
        label="Items"
        main
        columns={columns}
        rows={shown}
        loading={connection.state === 'connecting'}
        getRowId={(item) => item.id}
        selectedId={id}
        onRowClick={(item) => navigate({ search: (before) => ({ ...before, id: item.id }), replace: true })}
        empty={
          <EmptyState
            icon="stream"
            title={search ? `No item has “${search}”` : 'The group has no items'}
            hint={search ? 'Ids and data are searched.' : 'They appear here as soon as somebody sets one.'}
          />
        }
      />
    </>
  )
}

function Happenings({ live }: { live: LiveGroup }) {
  return (
    <DataTable
      label="Changes"
      columns={HAPPENINGS}
      rows={live.happenings}
      getRowId={({ key }) => String(key)}
      empty={
        <EmptyState
          icon="stream"
          title="Nothing has changed since you opened the group"
          hint="Changes of items, and events that are sent to the group, appear here as they come."
        />
      }
    />
  )
}

const TONES = { create: 'success', update: 'info', delete: 'danger' } as const

const HAPPENINGS: Column<Happening>[] = [
  { id: 'at', header: 'When', width: '60px', cell: ({ at }) => <Time at={at} /> },
  {
    id: 'type',
    header: 'What',
    width: '90px',
    cell: ({ type, isEvent }) => <Badge tone={isEvent ? 'neutral' : TONES[type as keyof typeof TONES]}>{type}</Badge>,
  },
  { id: 'id', header: 'Item', width: 'minmax(80px, 1fr)', cell: ({ id }) => id ?? <span className={details.none}>the group</span> },
  { id: 'data', header: 'Data', width: 'minmax(100px, 3fr)', cell: ({ data }) => <code className={details.code}>{preview(data)}</code> },
  { id: 'offset', header: 'Offset', width: '60px', align: 'end', wideOnly: true, cell: ({ offset }) => offset?.toLocaleString('en') ?? '–' },
]

function Schema({ info }: { info: StreamInfo | undefined }) {
  if (!info) return null
  const facts = (
    <dl className={details.facts}>
      <dt>File</dt>
      <dd>
        <code>{info.file}</code>
      </dd>
      <dt>Hooks</dt>
      <dd>{info.hooks.length > 0 ? info.hooks.join(', ') : <span className={details.none}>none: whoever may connect may follow it</span>}</dd>
      <dt>Followed by</dt>
      <dd>{info.subscribers === 1 ? '1 subscriber' : `${info.subscribers.toLocaleString('en')} subscribers`}</dd>
    </dl>
  )
  return (
    <div className={styles.schema}>
      {facts}
      {info.schema ? (
        <CodeView code={jsonText(info.schema as never)} language="json" label="Schema" />
      ) : (
        <p className={details.none}>The stream has no schema: items may be anything.</p>
      )}
    </div>
  )
}
