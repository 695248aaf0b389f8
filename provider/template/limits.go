package template

// name is the name that the parser has for the whole template.
const name = "template"

// Limits of a template.
const (
	maxText  = 64 << 10 // bytes
	maxDepth = 50       // of parentheses, of blocks, and of templates within one another
	maxElse  = 500      // branches
	// maxWords bounds the words in the actions: names, keys, constants, parentheses and pipes.
	maxWords = 10_000
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

// perAction is what an action takes in memory when it is parsed, and leastRoom what functions may
// always make.
const (
	perAction = 1 << 10
	leastRoom = 1 << 20
)

// roomFactor is how many bytes functions may make, for each that a template may write.
const roomFactor = 4

// perElement is what an element of a list or a map takes in memory, in bytes.
const perElement = 64

const errTooLong = problem("makes more than 16 bytes for each byte of its text and its secrets, or more than 1 MiB")

// What a byte of JSON and of YAML takes in memory when it is decoded: maps of one short key, and lists
// of short texts.
const (
	perByte   = 50
	perOfYAML = 300
)
