export const config = {
  type: 'cron',
  name: 'CountTickets',
  description: 'Says every minute how many tickets are urgent',
  cron: '* * * * *',
  flows: ['tickets'],
}

export const handler = async ({ logger, state }) => {
  const tickets = await state.getGroup('tickets')
  const urgent = tickets.filter((ticket) => ticket.priority === 'urgent').length
  logger.info('Counted the tickets', { all: tickets.length, urgent })
}
