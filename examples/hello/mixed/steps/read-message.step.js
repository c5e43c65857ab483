export const config = {
  type: 'api',
  name: 'ReadMessage',
  description: 'What each language has made of a message so far',
  method: 'GET',
  path: '/messages/:traceId',
  flows: ['messages'],
}

export const handler = async (req, { state }) => {
  const texts = await state.get('messages', req.pathParams.traceId)
  if (texts === null) return { status: 404, body: { error: 'no such message' } }
  return { status: 200, body: texts }
}
