// SPDX-License-Identifier: Apache-2.0

package render

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"

	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/rawjson"
	"ovhcloud-csi-provider/provider/template"
)

// template makes a file of several secrets.
func (r *renderer) template(i int, of []material) {
	o := r.plan.Objects[i]
	values, size := map[string]rawjson.Value{}, 0
	for n, one := range of {
		values[o.Source(n).Name] = one.whole
		size += len(one.whole)
	}
	content, err := o.Template.Execute(values, o.Template.Output(size), r.steps)
	var wrong *template.Error
	if errors.As(err, &wrong) {
		r.Add(o.Number, failure.Unusable, o.Where(), "%s", wrong)
		return
	}
	if r.goesOn(o, err) {
		text := sha256.Sum256([]byte(o.TemplateText))
		r.file(i, madeFile{o.File(), "template " + hex.EncodeToString(text[:]), content})
	}
}
