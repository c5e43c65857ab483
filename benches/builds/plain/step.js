export function config() {
  return JSON.stringify({ type: 'api', name: 'BenchValue', method: 'GET', path: '/bench-value' })
}

export function handle() {
  return { status: 200, headers: [], body: { tag: 'json', val: JSON.stringify({ value: 1 }) } }
}
