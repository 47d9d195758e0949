package edgefile

// NodeOf is for tests.
var NodeOf = nodeOf
