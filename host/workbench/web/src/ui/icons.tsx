/** Line icons on a grid of 16; each is one path. */
const PATHS = {
  alert: 'M8 2.2 14.4 13.3H1.6zM8 6.4v3.2M8 11.4v.1',
  archive: 'M2 3h12v3H2zM3 6v7h10V6M6.5 8.8h3',
  arrowDown: 'M8 3v10M4 9l4 4 4-4',
  arrowRight: 'M3 8h10M9 4l4 4-4 4',
  arrowUp: 'M8 13V3M4 7l4-4 4 4',
  ban: 'M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12M3.8 3.8l8.4 8.4',
  bolt: 'M8.8 1.8 3.2 9.2h4l-.6 5 5.8-7.6h-4z',
  calendar: 'M2.5 3.5h11v10h-11zM2.5 6.5h11M5.5 2v3M10.5 2v3',
  check: 'M3 8.5 6.5 12 13 4.5',
  chevronDown: 'm4 6 4 4 4-4',
  chevronLeft: 'm10 4-4 4 4 4',
  chevronRight: 'm6 4 4 4-4 4',
  clock: 'M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12M8 4.8V8l2.2 1.6',
  close: 'm4 4 8 8M12 4l-8 8',
  code: 'm5 4-4 4 4 4M11 4l4 4-4 4',
  command: 'M6 6h4v4H6zM6 6H4.2A1.9 1.9 0 1 1 6 4.2zM10 6V4.2A1.9 1.9 0 1 1 11.8 6zM10 10h1.8A1.9 1.9 0 1 1 10 11.8zM6 10v1.8A1.9 1.9 0 1 1 4.2 10z',
  copy: 'M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3',
  database: 'M8 6.2c3 0 5.3-.9 5.3-2.1S11 2 8 2 2.7 2.9 2.7 4.1 5 6.2 8 6.2M2.7 4.1v7.7C2.7 13 5 14 8 14s5.3-1 5.3-2.2V4.1M2.7 8C2.7 9.2 5 10.1 8 10.1S13.3 9.2 13.3 8',
  download: 'M8 2v8M4.5 6.8 8 10.3l3.5-3.5M2.5 13.5h11',
  edit: 'M10.8 2.7 13.3 5.2 5.5 13H3v-2.5z',
  endpoints: 'M1.8 8h4.4M9.8 8h4.4M8 6.2a1.8 1.8 0 1 0 0 3.6 1.8 1.8 0 0 0 0-3.6M3.8 5.6 1.5 8l2.3 2.4M12.2 5.6 14.5 8l-2.3 2.4',
  external: 'M9.5 2.5h4v4M13.5 2.5 7.5 8.5M6.5 3.5h-4v10h10v-4',
  filter: 'M2 3.5h12M4.5 8h7M6.5 12.5h3',
  fit: 'M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10',
  flows: 'M2 2.5h4v3.5H2zM10 10h4v3.5h-4zM4 6v5.7h6',
  folder: 'M2 3.5h4l1.5 2H14v7.5H2z',
  help: 'M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12M6.2 6.4A1.8 1.8 0 1 1 8 8.4v.8M8 11.2v.1',
  info: 'M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12M8 7.3v3.7M8 5v.1',
  inbox: 'M2 9.5 4 3h8l2 6.5V13H2zM2 9.5h3.5l1 1.8h3l1-1.8H14',
  key: 'M10.5 2.5a3 3 0 1 0 0 6 3 3 0 0 0 0-6M8.3 7.7 2.5 13.5M4.5 11.5l1.6 1.6',
  layers: 'M8 2 14 5.3 8 8.6 2 5.3zM2 8.3l6 3.3 6-3.3M2 11.2l6 3.3 6-3.3',
  layout: 'M6 2.5h4v3H6zM2 10.5h4v3H2zM10 10.5h4v3h-4zM8 5.5V8M4 10.5V8h8v2.5',
  list: 'M5.5 4h8M5.5 8h8M5.5 12h8M2.5 4h.1M2.5 8h.1M2.5 12h.1',
  lock: 'M3.5 7.5h9v6h-9zM5.5 7.5V5a2.5 2.5 0 0 1 5 0v2.5',
  logs: 'M2.5 3.5h11M2.5 6.5h7M2.5 9.5h11M2.5 12.5h5',
  menu: 'M2.5 4.5h11M2.5 8h11M2.5 11.5h11',
  minus: 'M3 8h10',
  moon: 'M13.3 9.6A5.7 5.7 0 0 1 6.4 2.7a5.7 5.7 0 1 0 6.9 6.9',
  more: 'M3.5 8h.1M8 8h.1M12.5 8h.1',
  pause: 'M5.5 3.5v9M10.5 3.5v9',
  play: 'M4.5 2.8v10.4L13 8z',
  plug: 'M5.5 2v3.5M10.5 2v3.5M3.5 5.5h9v2a4.5 4.5 0 0 1-9 0zM8 12v2.5',
  plus: 'M8 3v10M3 8h10',
  queue: 'M2.5 3h11v2.7h-11zM2.5 8h11M2.5 10.7h11M2.5 13.3h7',
  refresh: 'M13.3 6.5A5.6 5.6 0 0 0 3.4 4.8L2.5 6M2.5 2.8V6h3.2M2.7 9.5a5.6 5.6 0 0 0 9.9 1.7l.9-1.2M13.5 13.2V10h-3.2',
  replay: 'M3 8a5 5 0 1 1 1.6 3.7M3 4.5V8h3.5',
  runs: 'M2 8h2.5l2-5 3 10 2-5H14',
  save: 'M3 2.5h8l2.5 2.5v8.5H2.5v-11zM5 2.5v3.5h5V2.5M5 13.5V9.5h6v4',
  search: 'M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10M10.7 10.7 14 14',
  send: 'M14 2 2 7l4.5 2L9 14zM6.5 9 14 2',
  shield: 'M8 1.8 13.5 4v4c0 3-2.3 5.3-5.5 6.3C4.8 13.3 2.5 11 2.5 8V4z',
  state: 'M3 2.5h10v11H3zM3 6.2h10M6.7 6.2v7.3',
  stop: 'M4 4h8v8H4z',
  stream: 'M4.8 11.2a4.5 4.5 0 0 1 0-6.4M11.2 4.8a4.5 4.5 0 0 1 0 6.4M2.7 13.3a7.5 7.5 0 0 1 0-10.6M13.3 2.7a7.5 7.5 0 0 1 0 10.6M8 8v.1',
  sun: 'M8 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6M8 1.5v1.2M8 13.3v1.2M1.5 8h1.2M13.3 8h1.2M3.4 3.4l.9.9M11.7 11.7l.9.9M3.4 12.6l.9-.9M11.7 4.3l.9-.9',
  table: 'M2 3h12v10H2zM2 6.5h12M2 9.8h12M6.5 3v10',
  trash: 'M2.5 4h11M6 4V2.5h4V4M4 4l.7 9.5h6.6L12 4M6.7 6.8v4M9.3 6.8v4',
  upload: 'M8 10.5v-8M4.5 5.8 8 2.3l3.5 3.5M2.5 13.5h11',
  user: 'M8 7.5a2.7 2.7 0 1 0 0-5.4 2.7 2.7 0 0 0 0 5.4M2.7 14a5.3 5.3 0 0 1 10.6 0',
} as const

export type IconName = keyof typeof PATHS

/** Decoration only: whatever it stands beside has words. */
export function Icon({ name, size = 16 }: { name: IconName; size?: number }) {
  return (
    <svg
      aria-hidden="true"
      fill="none"
      height={size}
      stroke="currentColor"
      strokeLinecap="round"
      strokeLinejoin="round"
      strokeWidth={name === 'more' || name === 'list' ? 1.6 : 1.4}
      viewBox="0 0 16 16"
      width={size}
    >
      <path d={PATHS[name]} />
    </svg>
  )
}
