import type { EventConfig, EventHandler } from 'motia'
import { streamed, written } from '../../src/model'

export const config: EventConfig = {
  type: 'event',
  name: 'AnswerQuestion',
  description: 'Answers one of the smaller questions',
  subscribes: ['research.question'],
  emits: ['research.answered'],
  flows: ['research'],
  infrastructure: { queue: { concurrency: 3 } },
}

type Question = { id: string; part: string; question: string }
type Answered = { topic: 'research.answered'; data: { id: string } }

export const handler: EventHandler<Question, Answered> = async ({ id, part, question }, { emit, streams }) => {
  const write = (text: string, status: 'working' | 'done' = 'working') =>
    streams.research.set(id, part, { id: part, title: question, text, status })
  const answer = streamed([
    { role: 'system', content: 'Summarise what is known in two sentences.' },
    { role: 'user', content: question },
  ])
  await write(await written(answer, write), 'done')
  await emit({ topic: 'research.answered', data: { id } })
}
