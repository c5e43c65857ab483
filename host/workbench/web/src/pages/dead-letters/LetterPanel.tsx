import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'

import type { DeadLetter } from '../../api/types.ts'
import { Button, CopyButton, ErrorState, JsonView, Loading, SidePanel, Time } from '../../ui/index.ts'
import details from '../details.module.css'
import { AttemptErrorView } from '../queues/AttemptErrorView.tsx'
import { laneText } from '../queues/reasons.ts'
import type { Doing } from './DoingDialog.tsx'
import { letter as letterOf } from './filter.ts'

interface Props {
  id: string | undefined
  onClose: () => void
  onDo: ((doing: Doing) => void) | undefined
}

export function LetterPanel({ id, onClose, onDo }: Props) {
  return (
    <SidePanel open={id !== undefined} onClose={onClose} title={`Dead letter ${id ?? ''}`} width={600}>
      {id !== undefined && <Letter key={id} id={id} onDo={onDo} />}
    </SidePanel>
  )
}

function Letter({ id, onDo }: { id: string; onDo: Props['onDo'] }) {
  const { data: letter, error, refetch } = useQuery(letterOf(id))
  if (error && !letter) return <ErrorState error={error} retry={refetch} />
  if (!letter) return <Loading />
  const doing = { what: `dead letter ${id}`, filter: { ids: [id] } }
  return (
    <div className={details.panel}>
      {onDo && (
        <div className={details.buttons}>
          <Button variant="primary" onClick={() => onDo({ action: 'redrive', ...doing })}>
            Redrive
          </Button>
          <Button variant="danger" onClick={() => onDo({ action: 'discard', ...doing })}>
            Discard
          </Button>
        </div>
      )}
      <Facts letter={letter} />
      <section>
        <h3>{letter.errors.length === 1 ? 'One attempt' : `${letter.errors.length} attempts, the last one first`}</h3>
        {letter.errors.toReversed().map((each) => (
          <AttemptErrorView key={each.attempt} error={each} />
        ))}
      </section>
      <section>
        <h3>Data</h3>
        <JsonView value={letter.data} />
      </section>
      {letter.headers !== null && (
        <section>
          <h3>Headers</h3>
          <JsonView value={letter.headers} />
        </section>
      )}
    </div>
  )
}

function Facts({ letter }: { letter: DeadLetter }) {
  return (
    <dl className={details.facts}>
      <dt>Step</dt>
      <dd>
        <Link to="/queues" search={{ step: letter.step }}>
          {letter.step}
        </Link>
      </dd>
      <dt>Topic</dt>
      <dd>{letter.topic}</dd>
      <dt>Event</dt>
      <dd className={details.id}>
        {letter.eventId} <CopyButton text={letter.eventId} />
      </dd>
      <dt>Trace</dt>
      <dd>
        <Link to="/traces/$trace" params={{ trace: letter.traceId }}>
          {letter.traceId}
        </Link>
      </dd>
      <dt>Emitted</dt>
      <dd>
        <Time at={letter.emittedAt} />
      </dd>
      <dt>Given up</dt>
      <dd>
        <Time at={letter.diedAt} />
      </dd>
      {letter.messageGroupId !== null && (
        <>
          <dt>Group</dt>
          <dd>{letter.messageGroupId}</dd>
        </>
      )}
      {letter.blocks !== null && (
        <>
          <dt>Blocks</dt>
          <dd>those behind it of {laneText(letter.blocks)}, until it is redriven or discarded</dd>
        </>
      )}
    </dl>
  )
}
