// SPDX-License-Identifier: Apache-2.0

package template

// name is the name that the parser has for the whole template.
const name = "template"

// Limits of a template.
const (
	maxText  = 64 << 10 // bytes
	maxDepth = 50       // of parentheses, of blocks, and of templates within one another
	maxElse  = 500      // branches
	// MaxWords bounds the words in the actions of all templates of a class: names, keys, constants,
	// parentheses and pipes.
	MaxWords = 5_000
)

// What the execution costs in steps, in bytes that are looked at in the same time.
const (
	stepCost     = 512 // a block, each time it is entered
	nodeCost     = 128 // a node in it, and an argument
	variableCost = 4   // a variable that is passed by when another one is looked for
)

// Limits of arguments, in bytes: what functions do with them takes more than their length.
const (
	maxCutset = 100
	maxLayout = 4 << 10
	maxNumber = 400
)

// Limits of what a template makes, in bytes: a multiple of its text and its secrets. errTooLong has
// the same numbers.
const (
	outputFactor = 16
	maxOutput    = 1 << 20
)

// PerWord is what a word takes in memory when it is parsed, in bytes: most for an action of one.
const PerWord = 400

// leastRoom is how many bytes functions may always make.
const leastRoom = 1 << 20

// roomFactor is how many bytes functions may make, for each that a template may write.
const roomFactor = 4

// What an element of a list or a map takes in memory, and what a map takes besides them, in bytes.
const (
	perElement = 64
	perMap     = 400
)

const errTooLong = problem("makes more than 16 bytes for each byte of its text and its secrets, or more than 1 MiB")

// perByte is what a byte of JSON takes in memory when it is decoded, at most: maps of one empty key.
const perByte = 60

// What YAML takes in memory while it is decoded, in bytes: the decoder, each of its bytes, and each
// character that can begin or end a node.
const (
	perYAML       = 16 << 10
	perByteOfYAML = 8
	perNodeOfYAML = 500
)
