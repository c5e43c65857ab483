import 'react'

declare module 'react' {
  interface CSSProperties {
    /** Custom properties, by which a component hands a colour or a size to its style sheet. */
    [name: `--${string}`]: string | number | undefined
  }
}
