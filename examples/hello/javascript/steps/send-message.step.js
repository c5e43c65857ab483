export const config = {
  type: 'api',
  name: 'SendMessage',
  description: 'Takes a message and hands it on',
  method: 'POST',
  path: '/messages',
  bodySchema: {
    type: 'object',
    properties: { text: { type: 'string' } },
    required: ['text'],
  },
  emits: ['message.sent'],
  flows: ['messages'],
}

export const handler = async (req, { emit }) => {
  await emit({ topic: 'message.sent', data: { text: req.body.text } })
  return { status: 200, body: { ok: true } }
}
