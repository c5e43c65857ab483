import { type ReactNode, useEffect, useId, useRef, useState } from 'react'

import { Button, IconButton } from './Button.tsx'
import { classes } from './classes.ts'
import styles from './Dialog.module.css'

export interface DialogProps {
  open: boolean
  onClose: () => void
  title: ReactNode
  actions?: ReactNode
  /** For editors and tables. */
  wide?: boolean
  children: ReactNode
}

/** A modal dialog: the focus goes to its first empty field, or else its first field or its last action, and stays in it. Escape and a click beside it close it. */
export function Dialog({ open, ...rest }: DialogProps) {
  return open ? <OpenDialog {...rest} /> : null
}

function OpenDialog({ onClose, title, actions, wide, children }: Omit<DialogProps, 'open'>) {
  const dialog = useRef<HTMLDialogElement>(null)
  const id = useId()
  useEffect(() => {
    const before = document.activeElement
    dialog.current?.showModal()
    // The browser would choose the button that closes.
    const fields = [...(dialog.current?.querySelectorAll<HTMLElement>(`.${styles.body} :is(input, select, textarea, [contenteditable='true'])`) ?? [])]
    const empty = fields.find((field) => field instanceof HTMLInputElement && field.value === '')
    const first = empty ?? fields[0] ?? dialog.current?.querySelector<HTMLElement>(`.${styles.actions} button:last-child`)
    first?.focus()
    return () => {
      if (before instanceof HTMLElement) before.focus()
    }
  }, [])
  return (
    <dialog
      aria-labelledby={id}
      className={classes(styles.dialog, wide && styles.wide)}
      onCancel={(event) => {
        event.preventDefault()
        onClose()
      }}
      onPointerDown={(event) => event.target === dialog.current && onClose()}
      ref={dialog}
    >
      <div className={styles.head}>
        <h2 id={id}>{title}</h2>
        <IconButton icon="close" label="Close" onClick={onClose} size="small" />
      </div>
      <div className={styles.body}>{children}</div>
      {actions && <div className={styles.actions}>{actions}</div>}
    </dialog>
  )
}

export interface ConfirmProps {
  open: boolean
  onClose: () => void
  /** What is asked; a promise keeps the dialog open and busy until it is settled. */
  onConfirm: () => void | Promise<unknown>
  title: string
  /** What the button says: the verb. */
  action: string
  danger?: boolean
  children?: ReactNode
}

/** Asks before something that cannot be undone. It closes when that has succeeded; who asks tells of failures. */
export function Confirm({ open, onClose, onConfirm, title, action, danger, children }: ConfirmProps) {
  const [busy, setBusy] = useState(false)
  const confirm = async () => {
    setBusy(true)
    try {
      await onConfirm()
      onClose()
    } catch {
      // It stays open for another attempt.
    } finally {
      setBusy(false)
    }
  }
  const actions = (
    <>
      <Button onClick={onClose}>Cancel</Button>
      <Button busy={busy} onClick={() => void confirm()} variant={danger ? 'danger' : 'primary'}>
        {action}
      </Button>
    </>
  )
  return (
    <Dialog actions={actions} onClose={onClose} open={open} title={title}>
      {children}
    </Dialog>
  )
}
