const urgentWords = (process.env.URGENT_WORDS ?? 'down,outage,urgent').split(',')

export const config = {
  type: 'event',
  name: 'TriageTicket',
  description: 'Decides how urgent a ticket is',
  subscribes: ['ticket.created'],
  flows: ['tickets'],
}

export const handler = async (ticket, { logger, state }) => {
  const title = ticket.title.toLowerCase()
  const priority = urgentWords.some((word) => title.includes(word)) ? 'urgent' : 'normal'
  await state.update('tickets', ticket.id, [{ type: 'set', path: 'priority', value: priority }])
  logger.info('Triaged a ticket', { id: ticket.id, priority })
}
