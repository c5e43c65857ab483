import { useState } from 'react'

import { Button, IconButton } from './Button.tsx'
import { toastError } from './toast.tsx'

const SHOWN_MS = 1_500

export interface CopyButtonProps {
  /** What is copied, or what makes it. */
  text: string | (() => string)
  label?: string
  /** The words stand on the button, not in a tooltip. */
  words?: boolean
}

export function CopyButton({ text, label = 'Copy', words }: CopyButtonProps) {
  const [copied, setCopied] = useState(false)
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(typeof text === 'string' ? text : text())
      setCopied(true)
      setTimeout(() => setCopied(false), SHOWN_MS)
    } catch (error) {
      toastError(error)
    }
  }
  const icon = copied ? 'check' : 'copy'
  if (!words) return <IconButton icon={icon} label={copied ? 'Copied' : label} onClick={() => void copy()} size="small" />
  return (
    <Button icon={icon} onClick={() => void copy()} size="small" variant="ghost">
      {copied ? 'Copied' : label}
    </Button>
  )
}
