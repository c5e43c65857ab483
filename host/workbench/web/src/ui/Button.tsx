import type { ComponentProps, ReactNode } from 'react'

import styles from './Button.module.css'
import { classes } from './classes.ts'
import { Icon, type IconName } from './icons.tsx'
import { Tooltip } from './Tooltip.tsx'

export interface ButtonProps extends ComponentProps<'button'> {
  variant?: 'primary' | 'secondary' | 'ghost' | 'danger'
  size?: 'small' | 'medium'
  icon?: IconName
  /** What it does goes on: it turns, and cannot be pressed. */
  busy?: boolean
  children?: ReactNode
}

export function Button({ variant = 'secondary', size = 'medium', icon, busy, children, className, disabled, ...rest }: ButtonProps) {
  const names = classes(styles.button, styles[variant], size === 'small' && styles.small, className)
  return (
    <button aria-busy={busy || undefined} className={names} disabled={disabled || busy} type="button" {...rest}>
      {busy ? <span className={styles.busy} /> : icon && <Icon name={icon} />}
      {children}
    </button>
  )
}

export interface IconButtonProps extends Omit<ButtonProps, 'children' | 'icon'> {
  label: string
  icon: IconName
}

/** A button whose words are in a tooltip. */
export function IconButton({ label, icon, variant = 'ghost', size = 'medium', className, busy, disabled, ...rest }: IconButtonProps) {
  const names = classes(styles.button, styles.iconOnly, styles[variant], size === 'small' && styles.small, className)
  return (
    <Tooltip text={label}>
      <button aria-busy={busy || undefined} aria-label={label} className={names} disabled={disabled || busy} type="button" {...rest}>
        {busy ? <span className={styles.busy} /> : <Icon name={icon} />}
      </button>
    </Tooltip>
  )
}
