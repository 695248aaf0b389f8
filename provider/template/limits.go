package template

// name is the name that the parser has for the whole template.
const name = "template"

// Limits of a template.
const (
	maxText  = 64 << 10 // bytes
	maxDepth = 50       // of parentheses, of blocks, and of templates within one another
	maxElse  = 500      // branches
)

// stepCost is what each block costs each time it is entered, in bytes that are looked at. It is more
// than the block's own work takes, and less than the cost of any function.
const stepCost = 512

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
	leastRoom = 64 << 10
)

// roomFactor is how many bytes functions may make, for each that a template may write.
const roomFactor = 4

// perElement is what an element of a list or a map takes in memory, in bytes.
const perElement = 64

const errTooLong = problem("makes more than 16 bytes for each byte of its text and its secrets, or more than 1 MiB")

// perByte is what a byte of JSON or YAML takes in memory when it is decoded.
const perByte = 20
