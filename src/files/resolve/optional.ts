/** An object with one key, or without it if no value exists: what the model's optional keys are made of. */
export const optional = <K extends string, V>(key: K, value: V | undefined): { readonly [key in K]?: V } =>
  // A computed key has type `string` to the compiler.
  (value === undefined ? {} : { [key]: value }) as { readonly [key in K]?: V }
