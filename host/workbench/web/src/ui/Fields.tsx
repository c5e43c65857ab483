import { type ComponentProps, type ReactNode, useEffect, useId, useRef } from 'react'

import { classes } from './classes.ts'
import styles from './Fields.module.css'
import { Icon } from './icons.tsx'

export interface FieldProps {
  label: ReactNode
  hint?: ReactNode
  error?: string | null
  /** Is given the ids that the control needs. */
  children: (ids: { id: string; 'aria-describedby'?: string; 'aria-invalid'?: boolean }) => ReactNode
}

/** A control with its label above, and a hint or what is wrong below. */
export function Field({ label, hint, error, children }: FieldProps) {
  const id = useId()
  const note = error ?? hint
  return (
    <div className={styles.field}>
      <label className={styles.label} htmlFor={id}>
        {label}
      </label>
      {children({ id, 'aria-describedby': note ? `${id}-note` : undefined, 'aria-invalid': error ? true : undefined })}
      {note && (
        <p className={error ? styles.wrong : styles.hint} id={`${id}-note`}>
          {note}
        </p>
      )}
    </div>
  )
}

type Named<Element extends 'input' | 'textarea'> = Omit<ComponentProps<Element>, 'onChange' | 'value'> & {
  value: string
  onChange: (value: string) => void
  /** Its name, where no `Field` gives it one. */
  label?: string
}

/** A line of text. */
export function TextInput({ label, className, onChange, ...rest }: Named<'input'>) {
  const names = classes(styles.input, className)
  return <input aria-label={label} autoComplete="off" className={names} onChange={(event) => onChange(event.target.value)} spellCheck={false} {...rest} />
}

/** Several lines of text. */
export function TextArea({ label, className, onChange, ...rest }: Named<'textarea'>) {
  const names = classes(styles.input, className)
  return <textarea aria-label={label} autoComplete="off" className={names} onChange={(event) => onChange(event.target.value)} spellCheck={false} {...rest} />
}

export interface SearchInputProps {
  value: string
  onChange: (value: string) => void
  placeholder?: string
  label?: string
  className?: string
}

/** `/` puts the focus into the first one of a page; Escape empties it. */
export function SearchInput({ value, onChange, placeholder = 'Search', label, className }: SearchInputProps) {
  const input = useRef<HTMLInputElement>(null)
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const inField = event.target instanceof Element && event.target.closest('input, textarea, select, [contenteditable]')
      if (event.key !== '/' || inField || event.defaultPrevented || !input.current?.checkVisibility()) return
      event.preventDefault()
      input.current.focus()
      input.current.select()
    }
    document.addEventListener('keydown', onKey)
    return () => document.removeEventListener('keydown', onKey)
  }, [])
  return (
    <div aria-label={label ?? placeholder} className={classes(styles.search, className)} role="search">
      <Icon name="search" size={14} />
      <input
        aria-label={label ?? placeholder}
        autoComplete="off"
        className={styles.input}
        onChange={(event) => onChange(event.target.value)}
        onKeyDown={(event) => {
          if (event.key !== 'Escape') return
          event.stopPropagation()
          if (value === '') event.currentTarget.blur()
          else onChange('')
        }}
        placeholder={placeholder}
        ref={input}
        spellCheck={false}
        type="search"
        value={value}
      />
      {value !== '' && (
        <button aria-label="Empty the search" onClick={() => onChange('')} type="button">
          <Icon name="close" size={12} />
        </button>
      )}
    </div>
  )
}

export interface SelectOption {
  value: string
  label: string
}

export interface SelectProps {
  value: string
  onChange: (value: string) => void
  options: readonly (SelectOption | string)[]
  label?: string
  id?: string
  disabled?: boolean
  className?: string
}

/** One of several; as a filter, where the value `''` means "any", another one is marked. */
export function Select({ value, onChange, options, label, className, ...rest }: SelectProps) {
  const all = options.map((option) => (typeof option === 'string' ? { value: option, label: option } : option))
  // With an id it is a field of a form.
  const isFilter = rest.id === undefined && all.some((option) => option.value === '')
  return (
    <span className={classes(styles.selectBox, className)}>
      <select
        aria-label={label}
        className={classes(styles.select, isFilter && value !== '' && styles.chosen)}
        onChange={(event) => onChange(event.target.value)}
        value={value}
        {...rest}
      >
        {all.map((option) => (
          <option key={option.value} value={option.value}>
            {option.label}
          </option>
        ))}
      </select>
      <Icon name="chevronDown" size={12} />
    </span>
  )
}

export interface CheckboxProps {
  checked: boolean
  onChange: (checked: boolean) => void
  label: ReactNode
  /** Some, but not all, of what it stands for. */
  indeterminate?: boolean
  disabled?: boolean
  hideLabel?: boolean
}

export function Checkbox({ checked, onChange, label, indeterminate = false, disabled, hideLabel }: CheckboxProps) {
  return (
    <label className={styles.check}>
      <input
        checked={checked}
        disabled={disabled}
        onChange={(event) => onChange(event.target.checked)}
        ref={(input) => {
          if (input) input.indeterminate = indeterminate
        }}
        type="checkbox"
      />
      <span className={hideLabel ? 'visually-hidden' : undefined}>{label}</span>
    </label>
  )
}

export function Switch({ checked, onChange, label, disabled }: Omit<CheckboxProps, 'indeterminate' | 'hideLabel'>) {
  return (
    <label className={classes(styles.check, styles.switch)}>
      <input checked={checked} disabled={disabled} onChange={(event) => onChange(event.target.checked)} role="switch" type="checkbox" />
      <span>{label}</span>
    </label>
  )
}
