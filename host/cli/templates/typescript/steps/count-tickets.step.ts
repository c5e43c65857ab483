import type { CronConfig, CronHandler } from 'motia'
import type { Ticket } from './ticket'

export const config: CronConfig = {
  type: 'cron',
  name: 'CountTickets',
  description: 'Says every minute how many tickets are urgent',
  cron: '* * * * *',
  flows: ['tickets'],
}

export const handler: CronHandler = async ({ logger, state }) => {
  const tickets = await state.getGroup<Ticket>('tickets')
  const urgent = tickets.filter((ticket) => ticket.priority === 'urgent').length
  logger.info('Counted the tickets', { all: tickets.length, urgent })
}
