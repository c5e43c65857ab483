// Node's `path`: a step sees POSIX paths.

import path from 'node-path';

export const { basename, delimiter, dirname, extname, format, isAbsolute, join, normalize, parse, relative, resolve, sep } = path;
export const posix = path;
export default path;
