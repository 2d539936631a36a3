/** A file as text, however a bundler would read it. */
declare module '*?raw' {
  const text: string
  export default text
}
