// Package dockerfile checks the product's Dockerfile with BuildKit's own front end, which plans a build and runs
// nothing: what `docker build` would do for each platform, without docker and without a registry.
//
// It is a Go module of its own, since it needs BuildKit.
package dockerfile
