import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { useMemo, useState } from 'react'

import { useMayChange } from '../../api/change.ts'
import { Button, EmptyState, ErrorState, Loading, Page } from '../../ui/index.ts'
import { queues } from '../queues/data.ts'
import details from '../details.module.css'
import { type Doing, DoingDialog } from './DoingDialog.tsx'
import styles from './dead-letters.module.css'
import { bodyOf, isFiltered, letters } from './filter.ts'
import { Filters } from './Filters.tsx'
import { Group } from './Group.tsx'
import { groupLetters } from './groups.ts'
import { LetterPanel } from './LetterPanel.tsx'
import { Redrives } from './Redrives.tsx'

const route = getRouteApi('/dead-letters')

export default function DeadLettersPage() {
  const { letter, ...filter } = route.useSearch()
  const navigate = route.useNavigate()
  const { data, error, refetch, isPending, hasNextPage, fetchNextPage, isFetchingNextPage } = useInfiniteQuery(letters(filter))
  const loaded = useMemo(() => data?.pages.flatMap((page) => page.items) ?? [], [data])
  const groups = useMemo(() => groupLetters(loaded), [loaded])
  const dead = useQuery(queues()).data?.reduce((sum, queue) => sum + queue.dead, 0)
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set())
  const [doing, setDoing] = useState<Doing>()
  const mayChange = useMayChange()
  const chosen = loaded.filter(({ id }) => selected.has(id)).map(({ id }) => id)
  const open = (id: string | undefined) => navigate({ search: { ...filter, letter: id }, replace: true })

  const target =
    chosen.length > 0
      ? { what: chosen.length === 1 ? '1 dead letter' : `${chosen.length} dead letters`, filter: { ids: chosen } }
      : { what: isFiltered(filter) ? 'all dead letters of this filter' : 'all dead letters', filter: bodyOf(filter, Date.now()) }

  return (
    <Page
      title="Dead letters"
      fill
      actions={
        mayChange &&
        loaded.length > 0 && (
          <>
            <Button variant="ghost" onClick={() => setDoing({ action: 'discard', ...target })}>
              {chosen.length > 0 ? `Discard ${chosen.length}` : 'Discard all'}
            </Button>
            <Button variant="primary" onClick={() => setDoing({ action: 'redrive', ...target })}>
              {chosen.length > 0 ? `Redrive ${chosen.length}` : 'Redrive all'}
            </Button>
          </>
        )
      }
      filters={<Filters filter={filter} letters={loaded} onChange={(next) => navigate({ search: next, replace: true })} />}
    >
      <div className={details.split}>
        <div className={styles.page}>
          <Redrives />
          {isPending && <Loading />}
          {error && !data && <ErrorState error={error} retry={refetch} />}
          {data && groups.length === 0 && <Nothing filtered={isFiltered(filter)} onClear={() => navigate({ search: {} })} />}
          {groups.length > 0 && (
            <>
              <p className={details.note}>
                {counted(loaded.length, hasNextPage, isFiltered(filter) ? undefined : dead)}, in{' '}
                {groups.length === 1 ? 'one group' : `${groups.length} groups`} of step, code and message
              </p>
              <ul className={styles.groups}>
                {groups.map((group) => (
                  <Group
                    key={group.id}
                    group={group}
                    selected={selected}
                    onSelect={setSelected}
                    openLetter={letter}
                    onOpen={open}
                    onDo={mayChange ? setDoing : undefined}
                  />
                ))}
              </ul>
              {hasNextPage && (
                <Button variant="secondary" disabled={isFetchingNextPage} onClick={() => fetchNextPage()}>
                  Load older letters
                </Button>
              )}
            </>
          )}
        </div>
        <LetterPanel id={letter} onClose={() => open(undefined)} onDo={mayChange ? setDoing : undefined} />
      </div>
      <DoingDialog
        doing={doing}
        onClose={() => setDoing(undefined)}
        onDone={() => {
          setSelected(new Set())
          open(undefined)
        }}
      />
    </Page>
  )
}

function counted(loaded: number, hasMore: boolean, all: number | undefined): string {
  if (!hasMore) return loaded === 1 ? '1 letter' : `${loaded.toLocaleString('en')} letters`
  const total = all && all > loaded ? ` of ${all.toLocaleString('en')}` : ''
  return `The newest ${loaded.toLocaleString('en')}${total} letters`
}

function Nothing({ filtered, onClear }: { filtered: boolean; onClear: () => void }) {
  if (filtered) {
    return (
      <EmptyState
        title="No dead letter matches the filter"
        hint="Look for others, or at all of them."
        action={
          <Button variant="secondary" onClick={onClear}>
            Clear the filter
          </Button>
        }
      />
    )
  }
  return (
    <EmptyState title="No dead letters" hint="An event whose attempts are all used up is kept here for 30 days, with the error of each attempt." />
  )
}
