// Written by motia from the configs of the project's steps; `motia dev` writes it again: do not edit.
//
// In a step: import type { Handlers } from 'motia'
//            export const handler: Handlers['StepName'] = async (req, { emit, streams }) => ...
import type { ApiResponse, ApiRouteHandler, CronHandler, EventHandler, MotiaStream } from 'motia'

declare module 'motia' {
  type OrdersItemItem = { sku: string; giftFor?: 'child' | 'adult'; parts?: OrdersItemItem[] }

  interface FlowContextStateStreams {
    'orders': MotiaStream<{
      /** Given by the shop */
      id: string
      items: OrdersItemItem[]
      note?: string | null
      payment: { kind: 'card'; number: string } | { kind: 'cash' }
    }>
    'live prices': MotiaStream<{ [key: string]: number }>
  }

  interface Handlers {
    /** steps/create-order.step.ts */
    'create-order': ApiRouteHandler<
      {
        /** Given by the shop */
        id: string
        items: OrdersItemItem[]
        note?: string | null
        payment: { kind: 'card'; number: string } | { kind: 'cash' }
      },
      ApiResponse<201, {
        /** Given by the shop */
        id: string
        items: OrdersItemItem[]
        note?: string | null
        payment: { kind: 'card'; number: string } | { kind: 'cash' }
      }> | ApiResponse<404, { error: string }>,
      {
        topic: 'order.created'
        data: {
          /** Given by the shop */
          id: string
          items: OrdersItemItem[]
          note?: string | null
          payment: { kind: 'card'; number: string } | { kind: 'cash' }
        }
      } | { topic: 'stock-low'; data: { sku: string; left: number }; messageGroupId: string }
    >
    /** steps/refill.step.ts */
    'refill': EventHandler<{ sku: string; left: number }, never>
    /** Counts orders * / (steps/report.step.ts) */
    'report': CronHandler<never>
  }
}
