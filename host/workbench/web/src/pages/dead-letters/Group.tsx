import { useId, useState } from 'react'

import { Badge, Button, Checkbox, Count, Icon, Time } from '../../ui/index.ts'
import type { Doing } from './DoingDialog.tsx'
import styles from './dead-letters.module.css'
import { type LetterGroup, reasonOf } from './groups.ts'

interface Props {
  group: LetterGroup
  selected: ReadonlySet<string>
  onSelect: (selected: ReadonlySet<string>) => void
  openLetter: string | undefined
  onOpen: (id: string) => void
  /** Missing if nothing may be changed. */
  onDo: ((doing: Doing) => void) | undefined
}

/** How many letters are shown at first. */
const FEW = 20

export function Group({ group, selected, onSelect, openLetter, onOpen, onDo }: Props) {
  const [isOpen, setOpen] = useState(group.letters.some(({ id }) => id === openLetter))
  const [all, setAll] = useState(false)
  const body = useId()
  const ids = group.letters.map(({ id }) => id)
  const count = ids.filter((id) => selected.has(id)).length
  const shown = all ? group.letters : group.letters.slice(0, FEW)
  const choose = (which: string[], chosen: boolean) => {
    const next = new Set(selected)
    for (const id of which) {
      if (chosen) next.add(id)
      else next.delete(id)
    }
    onSelect(next)
  }
  const what = `${ids.length} dead letter${ids.length === 1 ? '' : 's'} of ${group.step} with ${group.code}`

  return (
    <li className={styles.group}>
      <div className={styles.head}>
        {onDo && (
          <Checkbox
            label={`Select all of ${group.step}, ${group.code}`}
            hideLabel
            checked={count === ids.length}
            indeterminate={count > 0 && count < ids.length}
            onChange={(chosen) => choose(ids, chosen)}
          />
        )}
        <button type="button" className={styles.toggle} aria-expanded={isOpen} aria-controls={body} onClick={() => setOpen(!isOpen)}>
          <span className={styles.chevron}>
            <Icon name="chevronRight" size={14} />
          </span>
          <span className={styles.what}>
            <span className={styles.line}>
              <strong>{group.step}</strong> <Badge tone="danger">{group.code}</Badge>
            </span>
            <span className={styles.pattern}>{group.pattern || 'without a message'}</span>
          </span>
          <span className={styles.count}>
            <Count n={ids.length} />
          </span>
          <span className={styles.time}>
            <Time at={group.newestAt} />
          </span>
        </button>
        {onDo && (
          <div className={styles.actions}>
            <Button variant="ghost" size="small" onClick={() => onDo({ action: 'discard', what, filter: { ids } })}>
              Discard
            </Button>
            <Button variant="secondary" size="small" onClick={() => onDo({ action: 'redrive', what, filter: { ids } })}>
              Redrive
            </Button>
          </div>
        )}
      </div>
      {isOpen && (
        <div id={body} className={styles.letters}>
          <ul>
            {shown.map((letter) => (
              <li key={letter.id} className={letter.id === openLetter ? styles.current : undefined}>
                {onDo && (
                  <Checkbox
                    label={`Select letter ${letter.id}`}
                    hideLabel
                    checked={selected.has(letter.id)}
                    onChange={(chosen) => choose([letter.id], chosen)}
                  />
                )}
                <button type="button" onClick={() => onOpen(letter.id)}>
                  <span className={styles.id}>{letter.id}</span>
                  <span className={styles.message}>{reasonOf(letter)?.message}</span>
                  <span className={styles.attempts}>{letter.errors.length === 1 ? '1 attempt' : `${letter.errors.length} attempts`}</span>
                  <span className={styles.time}>
                    <Time at={letter.diedAt} />
                  </span>
                </button>
              </li>
            ))}
          </ul>
          {shown.length < ids.length && <Button variant="ghost" size="small" onClick={() => setAll(true)}>{`Show all ${ids.length}`}</Button>}
        </div>
      )}
    </li>
  )
}
