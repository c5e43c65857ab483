import { getRouteApi } from '@tanstack/react-router'

import { QueueDetail } from './QueueDetail.tsx'
import { QueueList } from './QueueList.tsx'

const route = getRouteApi('/queues')

export default function QueuesPage() {
  const { step } = route.useSearch()
  return step ? <QueueDetail key={step} step={step} /> : <QueueList />
}
