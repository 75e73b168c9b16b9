namespace Gatehouse.Wso2;

/// <summary>What is said of Synapse elements that no value is taken from.</summary>
internal static class SynapseVerdicts
{
    /// <summary>By path; APIs, sequences and endpoints begin at their own element.</summary>
    public static IReadOnlyDictionary<string, Verdict> All { get; } = new Dictionary<string, Verdict>();

    /// <summary>What to do about a mediator, by its name.</summary>
    public static string Todo(string mediator) =>
        mediator switch
        {
            "script" =>
                "scripts are not run: say what it does in policies, or put it into a service that the call-out policy asks",
            "class" =>
                "a Java class of your own: write it as a policy plug-in in C#, or as a service that the call-out policy asks",
            "payloadFactory" or "enrich" or "xslt" or "xquery" or "fastXSLT" or "smooks" or "datamapper" =>
                "bodies are changed between JSON and XML (convert policy) and not otherwise: let the backend, or a service in front of it, do it",
            "callout" or "call" =>
                "the call-out policy asks another service before the request goes on; its answer may give headers",
            "clone" or "iterate" or "aggregate" or "foreach" =>
                "one request goes to one backend here: the mirror policy sends a copy to another; what puts answers together belongs into a service",
            "dblookup" or "dbreport" =>
                "no database is asked while a request is on its way: put it into a service that the call-out policy asks",
            "switch" or "filter" or "conditionalRouter" =>
                "there are no branches: use operations, an API for each branch, or let the backend decide",
            "validate" =>
                "json-limits and xml-limits refuse what is broken or too large; a schema is checked by the backend",
            "store" or "event" or "publishEvent" or "transaction" => "there are no queues here",
            "makefault" => "the gateway tells faults in WSO2's form by itself",
            "oauthService" or "entitlementService" => "callers prove themselves by the ways in of the API",
            "urlRewrite" or "rewrite" =>
                "the rewrite policy sets path, method and query; it has no conditions and no regular expressions",
            "throttle" => "limits are policies of an API: gatehouse limit create",
            "loopback" => "the answer flow begins when the backend has answered",
            "ejbMediator" or "bean" or "spring" or "pojoCommand" => "Java is not run here",
            "throwError" or "send" => "requests go to the endpoints of the API",
            "call-template" or "template" =>
                "templates are expanded by hand: write what they do as policies of the API",
            _ => "this mediator has no counterpart: find out what it is for, and write it as a policy of the API",
        };
}
