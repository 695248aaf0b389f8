// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package server

import (
	"errors"
	"net"
)

// peerIsVisible reports true: only Linux has PID namespaces.
func peerIsVisible(net.Conn) (bool, error) { return true, nil }

// ownAddress returns an error that wraps errors.ErrUnsupported: only Linux has abstract
// addresses.
func ownAddress(string) (*net.UnixAddr, error) { return nil, errors.ErrUnsupported }
