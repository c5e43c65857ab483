import type { EventConfig, EventHandler } from 'motia'
import { streamed, written } from '../../src/model'

export const config: EventConfig = {
  type: 'event',
  name: 'WriteReport',
  description: 'Writes the report out of all answers',
  subscribes: ['research.collected'],
  emits: [],
  virtualEmits: [{ topic: 'report.ready', label: 'a person reads it' }],
  flows: ['research'],
}

export const handler: EventHandler<{ id: string }, never> = async ({ id }, { logger, state, streams }) => {
  const job = await state.get<{ question: string }>('research', id)
  if (!job) return
  const parts = await streams.research.getGroup(id)
  const answers = parts.filter((part) => part.id.endsWith('-question')).map((part) => `${part.title} ${part.text}`)
  const title = `Report: ${job.question}`
  const write = (text: string, status: 'working' | 'done' = 'working') =>
    streams.research.set(id, '9-report', { id: '9-report', title, text, status })
  const report = streamed([
    { role: 'system', content: 'Write a short report of these findings.' },
    { role: 'user', content: [job.question, ...answers].join('\n') },
  ])
  const text = await written(report, write)
  await write(text, 'done')
  await streams.research.send({ groupId: id }, { type: 'finished', data: { characters: text.length } })
  logger.info('Report is written', { id, characters: text.length })
}
