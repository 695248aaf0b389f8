// SPDX-License-Identifier: Apache-2.0

package class

// For the tests, which are outside of the package since their requests are plantest's.
var (
	FieldSynonyms = fieldSynonyms
	ParseMode     = parseMode
)
