// SPDX-License-Identifier: Apache-2.0

package provider

import (
	"context"

	"ovhcloud-csi-provider/provider/budget"
	"ovhcloud-csi-provider/provider/class"
	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/plan"
	"ovhcloud-csi-provider/provider/read"
	"ovhcloud-csi-provider/provider/render"
)

// planned makes the plan of a mount when there is memory for the mount, which the account then
// holds. A plan may take a megabyte, so a mount does not wait with one: if it takes more than was
// expected of its class, it is dropped, and made again when there is memory for all of it.
func (p *Provider) planned(ctx context.Context, account *budget.Account,
	req Request) (pl plan.Plan, failures []failure.Failure) {
	objects := req.Attributes[class.ParamObjects]
	if class.ParsingTakes(objects) > p.budget.Most(budget.Making) {
		return plan.Plan{},
			[]failure.Failure{{Kind: failure.TooLarge, Object: failure.WholeClass, Where: "parameters." + class.ParamObjects,
				What:   "is too large for the memory limit of the provider",
				Advice: "split the list over several classes, or ask the cluster's administrator to raise the limit"}}
	}
	// What is expected may be far more than the plan takes. So much is left if others have three quarters.
	held := min(read.Expected(objects), p.budget.Most(budget.Running)/4)
	for account.Wait(ctx, budget.Running, held) {
		pl, failures = p.plan(ctx, account, req)
		takes := read.Takes(pl)
		if len(failures) > 0 {
			takes = 0
		}
		if takes <= held {
			account.Give(budget.Running, held-takes)
			return pl, failures
		}
		account.Give(budget.Running, held)
		pl, held = plan.Plan{}, takes
	}
	pl.Connection = req.Attributes[class.ParamConnection]
	return pl, []failure.Failure{failure.Busy()}
}

// plan parses the class and makes the plan of a mount, when there is memory to parse it.
func (p *Provider) plan(ctx context.Context, account *budget.Account,
	req Request) (_ plan.Plan, failures []failure.Failure) {
	ctx, ended := p.reader.Begin(ctx, read.StepPlan)
	defer func() { ended(kindOf(failures)) }()
	end, ok := account.Work(ctx, class.ParsingTakes(req.Attributes[class.ParamObjects]))
	if !ok {
		return plan.Plan{}, []failure.Failure{failure.Busy()}
	}
	defer end(0)
	asked := req.plan()
	asked.Renewal = p.given.has(req.volume())
	said, wrong := class.Parse(asked.Attributes, asked.Given())
	pl, refused := plan.Make(said, asked, p.rights, p.now())
	wrong.Join(refused)
	return pl, wrong.All()
}

// render makes the files of a mount, when there is memory for it, and adds them to a
// response. The memory of the answer is held until it is sent.
func (p *Provider) render(ctx context.Context, account *budget.Account, pl plan.Plan, got map[plan.Read]render.Input,
	into *Response) (failures []failure.Failure) {
	ctx, ended := p.reader.Begin(ctx, read.StepRender)
	defer func() { ended(kindOf(failures)) }()
	takes := render.Takes(pl, got)
	if takes > p.budget.Most(budget.Making) {
		return []failure.Failure{{Kind: failure.TooLarge, Object: failure.WholeClass, Where: "objects",
			What:   "to make these files takes more memory than the provider has for it",
			Advice: "use several classes and volumes, or ask the cluster's administrator to raise its memory limit"}}
	}
	end, ok := account.Work(ctx, takes)
	if !ok {
		if failures := render.Unread(pl, got); len(failures) > 0 {
			return failures
		}
		return []failure.Failure{failure.Busy()}
	}
	defer end(0)
	made, size, failures := render.Make(ctx, pl, got)
	if len(failures) > 0 {
		return failures
	}
	into.Files, into.Versions = made.Files, made.Versions
	kept := render.AnswerTakes(int64(size), int64(len(made.Files)))
	end(kept)
	into.Sent = account.Move(budget.Making, min(kept, takes)).Close
	return nil
}

// kindOf returns the most serious kind of failures, "" if there are none.
func kindOf(failures []failure.Failure) failure.Kind {
	if len(failures) == 0 {
		return ""
	}
	return (&failure.Error{Failures: failures}).Kind()
}

// NodeFullError returns the error of a mount for which the node has no memory because of
// its other mounts. class names its SecretProviderClass, "" if that is not known yet.
func NodeFullError(class string) *failure.Error {
	return &failure.Error{Class: class, Failures: []failure.Failure{failure.Busy()}}
}
