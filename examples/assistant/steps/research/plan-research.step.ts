import type { EventConfig, EventHandler } from 'motia'
import { complete } from '../../src/model'

export const config: EventConfig = {
  type: 'event',
  name: 'PlanResearch',
  description: 'Breaks the question into smaller ones',
  subscribes: ['research.started'],
  emits: [{ topic: 'research.question', label: 'each question' }],
  flows: ['research'],
  // The plan and its questions appear together, once, however often the step is attempted.
  atomic: true,
}

type Asked = { topic: 'research.question'; data: { id: string; part: string; question: string } }

export const handler: EventHandler<{ id: string; question: string }, Asked> = async ({ id, question }, { emit, logger, state, streams }) => {
  const planned = await complete([
    { role: 'system', content: 'Answer with a JSON list of three smaller questions that answer the question together.' },
    { role: 'user', content: question },
  ])
  const questions: string[] = JSON.parse(planned)
  await state.set('research', id, { question, open: questions.length })
  await streams.research.set(id, '0-plan', { id: '0-plan', title: `Plan: ${question}`, text: questions.join('\n'), status: 'done' })
  for (const [index, asked] of questions.entries()) {
    const part = `${index + 1}-question`
    await streams.research.set(id, part, { id: part, title: asked, text: '', status: 'waiting' })
    await emit({ topic: 'research.question', data: { id, part, question: asked } })
  }
  logger.info('Planned', { id, questions: questions.length })
}
