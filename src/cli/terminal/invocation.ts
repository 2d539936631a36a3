/** How the command is called where it runs, for lines to paste: by its name, or by npx where npm runs it. */
export const calledAs = (): string => (process.env.npm_command === undefined ? 'dockgate' : 'npx dockgate')
