import { type KeyboardEvent, type PointerEvent, type ReactNode, useEffect, useId, useRef, useState } from 'react'

import { IconButton } from './Button.tsx'
import styles from './SidePanel.module.css'

export interface SidePanelProps {
  open: boolean
  onClose: () => void
  title: ReactNode
  /** In pixels; its edge can be dragged. Over the page on small screens. */
  width?: number
  actions?: ReactNode
  children: ReactNode
}

const MIN_WIDTH = 320
const STEP = 32

/** Details beside a list or a graph; it goes last in a row with what it belongs to. Escape closes it. */
export function SidePanel({ open, ...rest }: SidePanelProps) {
  return open ? <OpenPanel {...rest} /> : null
}

function OpenPanel({ onClose, title, width = 480, actions, children }: Omit<SidePanelProps, 'open'>) {
  const id = useId()
  const panel = useRef<HTMLElement>(null)
  const [size, setSize] = useState(width)
  const resize = (wanted: number) => setSize(Math.min(Math.max(wanted, MIN_WIDTH), innerWidth - 200))

  // On small screens it covers the page, so that it must have the focus.
  useEffect(() => {
    if (matchMedia('(max-width: 900px)').matches) panel.current?.focus()
  }, [])

  const onDrag = (event: PointerEvent) => {
    if (!event.currentTarget.hasPointerCapture(event.pointerId) || !panel.current) return
    resize(panel.current.getBoundingClientRect().right - event.clientX)
  }
  const onGripKey = (event: KeyboardEvent) => {
    const step = { ArrowLeft: STEP, ArrowRight: -STEP }[event.key]
    if (step) resize(size + step)
  }
  useEffect(() => {
    const onKey = (event: globalThis.KeyboardEvent) => {
      const elsewhere = event.target instanceof Element && event.target.closest('dialog, input, textarea, .cm-editor')
      if (event.key === 'Escape' && !event.defaultPrevented && !elsewhere) onClose()
    }
    document.addEventListener('keydown', onKey)
    return () => document.removeEventListener('keydown', onKey)
  })
  return (
    <aside aria-labelledby={id} className={styles.panel} ref={panel} style={{ '--width': `${size}px` }} tabIndex={-1}>
      <button
        aria-label="Change the width of the panel with the arrow keys"
        className={styles.grip}
        onKeyDown={onGripKey}
        onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
        onPointerMove={onDrag}
        type="button"
      />
      <header className={styles.head}>
        <h2 id={id}>{title}</h2>
        <span>
          {actions}
          <IconButton icon="close" label="Close (Esc)" onClick={onClose} size="small" />
        </span>
      </header>
      <div className={styles.body}>{children}</div>
    </aside>
  )
}
